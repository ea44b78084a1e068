#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# What prepare.sh and the runner share: reading a configuration, and running a command for the record.

MODES="lite_train_lite_infer lite_train_whole_infer whole_infer whole_train_whole_infer"
LINES_OF_A_CONFIG=51

complain() {
    echo "$(basename "$0"): error: $*" >&2
    exit 2
}

# begin CONFIG MODE: check both, read the configuration, and go to the root of the repository.
begin() {
    (($# >= 2)) || complain "give a configuration and a mode (${MODES// /, })"
    [[ " $MODES " == *" $2 "* ]] || complain "unknown mode $2; known ones: ${MODES// /, }"
    [[ -f "$1" ]] || complain "there is no configuration $1"
    mapfile -t config_lines < <(tr -d '\r' < "$1")
    ((${#config_lines[@]} == LINES_OF_A_CONFIG)) ||
        complain "$1 has ${#config_lines[@]} lines; a configuration has $LINES_OF_A_CONFIG"
    config=$1 mode=$2 model=$(value 2) python=$(value 3)
    [[ "$model" =~ ^[A-Za-z0-9_]+$ ]] || complain "$1, line 2: model_name must be a plain name"
    cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
    export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
    data=test_tipc/data
    output=test_tipc/output/$model/$mode
}

# key NUMBER, value NUMBER: the two sides of the first colon in a line, counted from 1.
key() { echo "${config_lines[$1 - 1]%%:*}"; }
value() {
    local line=${config_lines[$1 - 1]}
    [[ "$line" != *:* ]] || echo "${line#*:}"
}

# choices NUMBER: the values of a line, which `|` separates, one a line.
choices() { value "$1" | tr '|' '\n'; }

# value_for_mode NUMBER: of `MODE=VALUE|MODE=VALUE` the value of this mode, or null.
value_for_mode() {
    local choice
    for choice in $(choices "$1"); do
        [[ "$choice" != "$mode="* ]] || { echo "${choice#*=}" && return; }
    done
    echo null
}

given() { [[ -n "$1" && "$1" != null && "$1" != "##" ]]; }

# option NUMBER VALUE: `KEY=VALUE` with the key of a line, or nothing where one of them is null.
option() {
    if given "$(key "$1")" && given "$2"; then echo "$(key "$1")=$2"; fi
}

declare -A count=([successfully]=0 [failed]=0 [skipped]=0)

# run COMMAND LOG: run it, keep what it prints in LOG, and note in results_python.log how it ended.
run() {
    local command verdict=successfully
    command=$(tr -s ' ' <<< "$1" | sed 's/ $//')
    echo "+ $command"
    eval "$command" < /dev/null 2>&1 | tee "$2"
    local status=${PIPESTATUS[0]}
    ((status == 0)) || verdict=failed
    echo "Run $verdict with command - $command!" | tee -a "$results"
    count[$verdict]=$((count[$verdict] + 1))
    return "$status"
}

# skip WHAT WHY: a row of the configuration that cannot run here.
skip() {
    echo "Skipped: $1, $2" | tee -a "$results"
    count[skipped]=$((count[skipped] + 1))
}
