# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill test`: score methods on images with fixed holes, and write a report."""

import argparse
from pathlib import Path

from ppdeepfill.config import load_config
from ppdeepfill.verbs.arguments import MODEL_PATH, add_verb, flags_of, whole_number
from ppdeepfill.verbs.samples import add_samples, samples_of

DESCRIPTION = """\
Score methods on images with fixed holes. Writes test.txt, report.json, per_image.csv,
report.html and ranked.png. Without arguments, scores the newest run below ./output, or else the
network demo, which ships with the package, on the bundled photographs."""


def add(verbs: argparse._SubParsersAction) -> None:
    test = add_verb(
        verbs,
        "test",
        help="score methods on images with fixed holes",
        description=DESCRIPTION,
        examples=[
            "",
            "--model_path output/quickstart demo --methods telea patchmatch",
            "--images photos.zip --num_images 500 --masks free_form --save_dir output/free_form",
        ],
        argument_default=argparse.SUPPRESS,  # absent arguments come from configuration or defaults
    )
    _add_methods(test)
    _add_samples(test)
    _add_report(test)
    test.set_defaults(run=_run, parser=test, flags=flags_of(test))


def _add_methods(test: argparse.ArgumentParser) -> None:
    methods = test.add_argument_group("methods")
    methods.add_argument(
        "--model_path",
        dest="model_paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help=f"networks to score: each is a folder from `ppdeepfill export`, {MODEL_PATH} "
        "(default: the newest run below ./output, else demo; none if --methods is given)",
    )
    methods.add_argument(
        "--methods",
        nargs="+",
        metavar="NAME",
        help="methods without a network: mean_fill, telea, navier_stokes, patchmatch "
        "(default: none)",
    )


def _add_samples(test: argparse.ArgumentParser) -> None:
    samples = test.add_argument_group("images and holes")
    samples.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="take the images, their size and the hole size from a training configuration; by "
        "default both sizes come from the config.yaml of the first network's run, or are 256 and "
        "128 without one",
    )
    add_samples(samples)


def _add_report(test: argparse.ArgumentParser) -> None:
    report = test.add_argument_group("report")
    report.add_argument(
        "--save_dir", type=Path, metavar="DIR", help="folder for the report (default: output)"
    )
    report.add_argument(
        "--save_masks",
        type=Path,
        metavar="DIR",
        help="new folder to save the masks in, to share them (default: not saved)",
    )
    report.add_argument(
        "--pictures",
        type=whole_number(0),
        metavar="N",
        help="number of images shown in report.html (default: 24)",
    )
    report.add_argument(
        "--lpips_weights",
        type=Path,
        metavar="FILE",
        help="weights of LPIPS, see docs/metrics.md (default: without)",
    )
    report.add_argument(
        "--fid_weights",
        type=Path,
        metavar="FILE",
        help="weights of FID, see docs/metrics.md (default: without)",
    )
    work = test.add_argument_group("computation")
    work.add_argument(
        "--device",
        metavar="NAME",
        help="auto, cpu, gpu, gpu:N (also xpu, npu, mlu) (default: auto)",
    )
    work.add_argument(
        "--batch_size",
        type=whole_number(1),
        metavar="N",
        help="images that a network fills at a time; may change the rounding of some pixels "
        "(default: 1)",
    )
    work.add_argument(
        "--num_workers",
        type=whole_number(0),
        metavar="N",
        help="threads that read images ahead (default: 2)",
    )


def _run(arguments: argparse.Namespace) -> None:
    given = vars(arguments).copy()
    for key in ("run", "parser", "flags"):
        del given[key]
    given = samples_of(given)
    config = load_config(given.pop("config")) if "config" in given else None
    from ppdeepfill.evaluation.compare import compare
    from ppdeepfill.evaluation.settings import settings_of
    from ppdeepfill.parallel import use_device

    use_device(given.pop("device", "auto"))
    compare(settings_of(given, config))
