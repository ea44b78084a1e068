#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Train, evaluate, export and infer as a configuration says, after prepare.sh.
#
#   bash test_tipc/test_train_inference_python.sh CONFIG MODE
#
# Everything is written below test_tipc/output/MODEL/MODE; results_python.log there has one line a
# command. Exit status: 0 if all commands succeeded, 1 if one failed or none could run.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common_func.sh"
begin "$@"
results=$output/results_python.log
gpus=0

main() {
    [[ -d "$data/val" ]] || complain "test_tipc/data is empty; run: bash test_tipc/prepare.sh $config $mode"
    rm -rf "${output:?}"
    mkdir -p "$output"
    [[ "$(value 4)$(value 41)" != *[0-9g]* ]] || gpus=$(count_gpus)
    if [[ "$mode" == whole_infer ]]; then
        infer_stored_models
    else
        train_all
    fi
    finish
}

count_gpus() {
    "$python" -c "import paddle; print(paddle.device.cuda.device_count())" 2> /dev/null || echo 0
}

# One training for each kind of trainer (line 15), GPUs (4) and arithmetic (6).
train_all() {
    local places devices place trainer precision
    mapfile -t places < <(choices 4)
    mapfile -t devices < <(choices 5)
    for trainer in $(choices 15); do
        for place in "${!places[@]}"; do
            for precision in $(choices 6); do
                train "$trainer" "${places[$place]}" "${devices[$place]:-${devices[-1]}}" "$precision"
            done
        done
    done
}

# train TRAINER GPUS DEVICE PRECISION, then what follows from it. GPUS: -1 (none), 0 or 0,1 ...
train() {
    local needed=0 iterations launch command
    local folder=$output/$1_gpus_$2_autocast_$4
    [[ "$2" == -1 ]] || needed=$(($(tr -cd , <<< "$2" | wc -c) + 1))
    if ((gpus < needed)); then
        skip "training on GPU $2" "PaddlePaddle sees $gpus GPUs here"
        return
    fi
    iterations=$(value_for_mode 7)
    given "$iterations" || complain "$config, line 7 has no value for $mode"
    case $needed in
        0) launch=$python ;;
        1) launch="CUDA_VISIBLE_DEVICES=$2 $python" ;;
        *) launch="$python -m paddle.distributed.launch --gpus=$2 --log_dir=$folder/launch" ;;
    esac
    command="$launch $(script_of "$1") $(option 5 "$3") $(option 6 "$4") $(option 7 "$iterations")"
    command+=" $(option 8 "$folder") $(option 9 "$(value_for_mode 9)") $(option 10 "$(value 10)")"
    command+=" $(option 13 "$(value 13)")"
    mkdir -p "$folder"
    run "$command" "$folder.log" || return
    evaluate "$folder" "$3"
    export_and_infer "$(script_at 30)" "$folder/$(value 11)" "$folder" "$(value 12)"
}

# script_of TRAINER: the command that a line from 16 to 21 gives for it.
script_of() {
    local number
    for number in {16..21}; do
        [[ "$(key "$number")" != "$1" ]] || script_at "$number"
    done
}

script_at() { if given "$(value "$1")"; then value "$1"; fi; }

# evaluate FOLDER DEVICE: the network that was trained there.
evaluate() {
    local command
    [[ -n "$(script_at 24)" ]] || return 0
    command="$python $(value 24) $(option 29 "$1/$(value 11)") $(option 5 "$2") $(option 25 "$1/eval")"
    run "$command" "$1/eval.log"
}

# export_and_infer SCRIPT WEIGHTS FOLDER IMAGES
export_and_infer() {
    if [[ -n "$1" ]]; then
        run "$python $1 $(option 29 "$2") $(option 28 "$3")" "$3/export.log" || return
    fi
    [[ -z "$(script_at 40)" ]] || infer_all "$3" "$4"
}

# The models of line 37, without training.
infer_stored_models() {
    local models exports number folder
    mapfile -t models < <(choices 37)
    mapfile -t exports < <(choices 38)
    for number in "${!models[@]}"; do
        if ! given "${models[$number]}"; then
            skip "whole_infer" "line 37 of $config names no model"
        elif given "${exports[$number]:-null}"; then
            folder=$output/$(basename "${models[$number]}")
            mkdir -p "$folder"
            export_and_infer "${exports[$number]}" "${models[$number]}" "$folder" "$(value 48)"
        else
            infer_all "${models[$number]}" "$(value 48)"
        fi
    done
}

# infer_all FOLDER IMAGES: in every way that lines 41 to 46 name; then compare what came out.
infer_all() {
    local device precision
    for device in $(choices 41); do
        for precision in $(choices 46); do
            case $device in
                cpu) infer_on_cpu "$1" "$2" "$precision" ;;
                *) infer_on_gpu "$1" "$2" "$device" "$precision" ;;
            esac
        done
    done
    compare "$1"
}

infer_on_cpu() {
    local mkldnn threads batch
    if [[ "$3" != fp32 ]]; then
        skip "inference in $3 on the CPU" "only GPUs compute in it"
        return
    fi
    for mkldnn in $(choices 42); do
        for threads in $(choices 43); do
            for batch in $(choices 44); do
                infer "$1" "$2" \
                    "python_infer_cpu_usemkldnn_${mkldnn}_threads_${threads}_precision_$3_batchsize_$batch" \
                    "$(option 41 cpu) $(option 42 "$mkldnn") $(option 43 "$threads") $(option 44 "$batch")"
            done
        done
    done
}

infer_on_gpu() {
    local tensorrt batch
    if ((gpus == 0)); then
        skip "inference in $4 on the device $3" "PaddlePaddle sees no GPU here"
        return
    fi
    for tensorrt in $(choices 45); do
        for batch in $(choices 44); do
            infer "$1" "$2" \
                "python_infer_$3_usetrt_${tensorrt}_precision_$4_batchsize_$batch" \
                "$(option 41 "$3") $(option 45 "$tensorrt") $(option 46 "$4") $(option 44 "$batch")"
        done
    done
}

# infer MODEL IMAGES NAME OPTIONS: results and log get that name.
infer() {
    local folder=$output/infer_$(basename "$1") command
    mkdir -p "$folder"
    command="$python $(value 40) $4 $(option 47 "$1") $(option 48 "$2")"
    command+=" $(option 49 "$(value 49)") $(option 50 "$(value 50)") $(option 51 "$folder/$3")"
    run "$command" "$folder/$3.log"
}

# compare MODEL: all ways of inference with one another; a stored model, on the small set, also with
# test_tipc/results.
compare() {
    local folder=$output/infer_$(basename "$1") stored=test_tipc/results/python_${model}_results_fp32.txt
    local command="$python test_tipc/compare_results.py --log_file='$folder/python_infer_*.log'"
    if [[ "$mode" == whole_infer && ! -L $data/val && -f "$stored" ]]; then command+=" --gt_file=$stored"; fi
    run "$command" "$folder/compare.log"
}

finish() {
    echo "${count[successfully]} commands ran, ${count[failed]} failed, ${count[skipped]} rows skipped: $results"
    ((count[failed] == 0 && count[successfully] > 0))
}

trap 'exit 130' INT TERM # and no further command
main; exit # read as one: bash reads a script as it goes, and this one may change meanwhile
