# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The command `python release/run.py`: its arguments and steps."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.compare import compare
from ppdeepfill.parallel import use_device
from ppdeepfill.weights.finding import DEMO, SHIPPED
from release.card import render_card
from release.curves import draw_curves
from release.guide import replace_block
from release.pictures import draw_pictures
from release.settings import comparison_of, read_settings
from release.shipping import read_provenance, ship, with_scores_of_both, write_provenance
from release.tables import Result, name_of, render_results

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)  # good enough to look at
PICTURED = "bundled"  # the only photographs whose licence lets us show them
VALIDATION = "bsds500_squares"  # the same setting as validation in training
LINES = ("telea", "patchmatch")  # methods to draw beside the curves

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Ship the network of a run, if one is given; score; write tables, pictures and card."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    use_device(arguments.device)
    try:
        _release(arguments)
    except UserError as error:
        print(f"release: error: {error}", file=sys.stderr)
        return error.status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="release/run.py",
        description="Ship the network of a training run with the package, score the shipped "
        "networks, and write docs/results.md, its pictures and the cards of the networks.",
    )
    parser.add_argument(
        "run",
        type=Path,
        nargs="?",
        metavar="RUN",
        help="output_dir of the run whose best model to ship (default: only score what ships)",
    )
    parser.add_argument(
        "--commit", metavar="HASH", help="commit of the code that trained RUN; required with RUN"
    )
    parser.add_argument(
        "--name", choices=SHIPPED, default=DEMO, help=f"name to ship it under (default: {DEMO})"
    )
    parser.add_argument(
        "--continues",
        type=Path,
        metavar="DIR",
        help="RUN began with weights that shipped before: a copy of their folder in "
        "ppdeepfill/weights/shipped as it was then. Iterations, hours and log count on from "
        "there (default: RUN began anew)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT / "data",
        metavar="DIR",
        help="folder with bsds500/val and photos/validation (default: data)",
    )
    parser.add_argument(
        "--also",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="more networks to score, for example one without attention",
    )
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="NAME",
        help="score only these settings, or none, and use the existing reports of the others",
    )
    parser.add_argument(
        "--reuse",
        action="store_true",
        help="reuse the scores of methods without a network from the reports in --save_dir, if "
        "they are for the same images and holes: minutes instead of an hour",
    )
    parser.add_argument(
        "--num_images",
        type=int,
        metavar="N",
        help="use at most N images in each setting (default: see the settings)",
    )
    parser.add_argument(
        "--save_dir",
        type=Path,
        default=ROOT / "output/release",
        metavar="DIR",
        help="folder for the reports (default: output/release)",
    )
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="only draw the pictures of README.md and the documents, with the network `demo`",
    )
    parser.add_argument("--device", default="auto", metavar="NAME", help="default: auto")
    return parser


def _release(arguments: argparse.Namespace) -> None:
    if arguments.pictures:
        draw_pictures(IMAGES)
        return
    if arguments.run is not None:
        if not arguments.commit:
            raise UserError("which code trained this run? Pass --commit HASH")
        _ship(arguments)
    methods, chosen = read_settings(arguments.only)
    for setting in chosen:
        logger.info("== %s", setting.title)
        compare(
            comparison_of(
                setting.at_most(arguments.num_images),
                model_paths=[*map(Path, SHIPPED), *arguments.also],
                methods=methods,
                data=arguments.data,
                save_dir=arguments.save_dir,
                reuse=arguments.reuse,
            )
        )
    _write(arguments.save_dir)


def _ship(arguments: argparse.Namespace) -> None:
    name, folder = arguments.name, SHIPPED[arguments.name]
    provenance = ship(arguments.run, folder, commit=arguments.commit, continues=arguments.continues)
    (validation,) = read_settings([VALIDATION])[1]
    provenance = with_scores_of_both(
        provenance,
        arguments.run,
        name,
        validation._replace(name="half_precision"),
        data=arguments.data,
        save_dir=arguments.save_dir,
    )
    write_provenance(provenance, folder)


def _write(save_dir: Path) -> None:
    """Write results, pictures and cards from the reports of the shipped weights."""
    provenances = {name: read_provenance(folder) for name, folder in SHIPPED.items()}
    draw_pictures(IMAGES)
    results = list(_results(save_dir, {record.sha256 for record in provenances.values()}))
    for result in results:
        if result.setting.name == VALIDATION:
            others = {name_of(name): _means(result, name) for name in LINES}
            for name, folder in SHIPPED.items():
                draw_curves(folder / "metrics.jsonl", others, IMAGES / f"{name}_curves.svg")
        if result.setting.images == PICTURED:
            pictures = cv2.imread(str(save_dir / result.setting.name / "ranked.png"))
            cv2.imwrite(str(IMAGES / f"{result.setting.name}.jpg"), pictures, JPEG)
    for name, folder in SHIPPED.items():
        card = render_card(name, provenances[name], results)
        (folder / "card.md").write_text(card, encoding="utf-8")
    replace_block(ROOT / "docs/results.md", render_results(results))


def _results(save_dir: Path, shipped: set[str]) -> Iterator[Result]:
    """Yield the reports of the shipped weights; warn of missing ones and those of other weights.

    Args:
        save_dir: folder of the reports.
        shipped: sha256 of each network.
    """
    for setting in read_settings()[1]:
        file = save_dir / setting.name / "report.json"
        if not file.is_file():
            logger.warning("%s has no scores: left out of the tables", setting.name)
            continue
        record = json.loads(file.read_text(encoding="utf-8"))
        if shipped <= {method["sha256"] for method in record["methods"]}:
            yield Result(setting, record)
        else:
            logger.warning("%s was scored with other weights: left out", setting.name)


def _means(result: Result, method: str) -> dict[str, float]:
    return {metric: found["mean"] for metric, found in result.record["means"][method].items()}
