# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Report the alignment as a table and in the files of the reproduction contest.

    save_dir/torch/             forward_paddle.npy, forward_torch.npy, forward_diff.log, ...
    save_dir/torch/tutorial/    the same under the names of the contest's tutorial
    save_dir/tensorflow/        the same for the authors' code

Source of both naming schemes: PaddlePaddle/models, `docs/lwfx/ArticleReproduction_CV.md` and
`tutorials/article-implementation/ArticleReproduction_CV.md`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ppdeepfill.alignment import authors, port
from ppdeepfill.alignment.record import Comparison, write_log, write_record
from ppdeepfill.atomic_write import check_writable, synchronise, written_whole
from ppdeepfill.errors import AlignmentError, ChecksFailed
from ppdeepfill.terminal.progress import progress

logger = logging.getLogger(__name__)

REFERENCES: dict[str, Callable[[], Iterator[Comparison]]] = {
    "torch": port.comparisons,
    "tensorflow": authors.comparisons,
}


class Files(NamedTuple):
    """File names of one comparison, in the folder of its reference."""

    ours: str
    theirs: str
    log: str


CONTEST = {
    "forward": Files("forward_paddle.npy", "forward_{}.npy", "forward_diff.log"),
    "metric": Files("metric_paddle.npy", "metric_{}.npy", "metric_diff.log"),
    "loss": Files("loss_paddle.npy", "loss_{}.npy", "loss_diff.log"),
    "backward": Files("bp_align_paddle.npy", "bp_align_{}.npy", "bp_align_diff.log"),
    "training": Files(
        "train_align_paddle.npy", "train_align_benchmark.npy", "train_align_diff.log"
    ),
}
TUTORIAL = {
    "forward": Files("forward_paddle.npy", "forward_ref.npy", "forward_diff.log"),
    "metric": Files("metric_paddle.npy", "metric_ref.npy", "metric_diff.log"),
    "loss": Files("loss_paddle.npy", "loss_ref.npy", "loss_diff.log"),
    "backward": Files("losses_paddle.npy", "losses_ref.npy", "backward_diff.log"),
    "training": CONTEST["training"],
}
TUTORIAL_FOLDER = "tutorial"
TUTORIAL_LOGS = f"{TUTORIAL_FOLDER}/result/log"

_ROW = "{:<10}  {:<8}  {:>4}  {:>9}  {:>9}  {:>9}  {}"


def align(save_dir: Path, references: Sequence[str]) -> None:
    """Compare with each reference, log one line per step, and write the compared arrays.

    Args:
        save_dir: gets a folder per reference, replacing those of an earlier run of this command.
        references: keys of `REFERENCES`.

    Raises:
        AlignmentError: a folder would replace something else, or arrays are missing.
        ChecksFailed: a difference is above its threshold; everything is written nevertheless.
    """
    check_writable(save_dir, change="--save_dir")
    for reference in references:
        _refuse_to_replace_others(save_dir / reference)
    logger.info(_ROW.format("reference", "step", "keys", "mean", "max", "threshold", "passed"))
    count, failed = 0, []
    bar = progress(unit="step", total=len(CONTEST) * len(references))
    for reference in references:
        comparisons = list(_logged(reference, REFERENCES[reference](), bar))
        _write(save_dir / reference, reference, comparisons)
        count += len(comparisons)
        failed += [
            f"{reference} {comparison.step}" for comparison in comparisons if not comparison.passed
        ]
    if failed:
        names = ", ".join(failed)
        raise ChecksFailed(
            f"{len(failed)} of {count} checks failed: {names}; see the logs in {save_dir}"
        )
    logger.info("all %d checks passed; records and logs are in %s", count, save_dir)


def _logged(reference: str, comparisons: Iterable[Comparison], bar: tqdm) -> Iterator[Comparison]:
    """Log each comparison as soon as it is computed: largest mean and largest difference."""
    for comparison in comparisons:
        differences = comparison.differences()
        largest = (max(d.mean for d in differences), max(d.max for d in differences))
        passed = "yes" if comparison.passed else "NO"
        numbers = (f"{largest[0]:.1e}", f"{largest[1]:.1e}", f"{comparison.threshold:.0e}")
        logger.info(_ROW.format(reference, comparison.step, len(differences), *numbers, passed))
        bar.update()
        yield comparison


def _write(folder: Path, reference: str, comparisons: Iterable[Comparison]) -> None:
    with written_whole(folder) as partial:
        logs = partial / TUTORIAL_LOGS
        logs.mkdir(parents=True)
        for comparison in comparisons:
            for files in _files(reference, comparison.step):
                write_record(partial / files.ours, comparison.ours)
                write_record(partial / files.theirs, comparison.theirs)
                write_log(partial / files.log, comparison)
        for made in (logs, logs.parent, partial / TUTORIAL_FOLDER):
            synchronise(made)


def _files(reference: str, step: str) -> Iterator[Files]:
    """Yield the file names of one step in both naming schemes."""
    yield Files(*(name.format(reference) for name in CONTEST[step]))
    ours, theirs, log = TUTORIAL[step]
    yield Files(
        f"{TUTORIAL_FOLDER}/{ours}", f"{TUTORIAL_FOLDER}/{theirs}", f"{TUTORIAL_LOGS}/{log}"
    )


def _refuse_to_replace_others(folder: Path) -> None:
    known = {name for step in CONTEST for files in _files(folder.name, step) for name in files}
    if not folder.exists():
        return
    if not folder.is_dir():
        raise AlignmentError(f"{folder} is a file; move it, or use another --save_dir")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if others := sorted(there - known):
        raise AlignmentError(
            f"{folder} would be replaced, but contains {others[0]!r}, which this command did not "
            "write; move it, or use another --save_dir"
        )
