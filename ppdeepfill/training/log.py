# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The output of a run: log.txt, metrics.jsonl, images/ and vdl/, and lines on the terminal."""

import json
import logging
import math
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import cv2
from numpy import ndarray
from tqdm import tqdm

from ppdeepfill.atomic_write import check_writable, sole_use, written_whole
from ppdeepfill.config import Config
from ppdeepfill.errors import OutputError, UserError
from ppdeepfill.terminal.progress import logging_redirect_tqdm
from ppdeepfill.training.meter import Reading

FORMATS = {
    "iter": "{}",
    "lr": "{:.6f}",
    "avg_reader_cost": "{:.5f} sec",
    "avg_batch_cost": "{:.5f} sec",
    "avg_samples": "{:.1f}",
    "ips": "{:.2f} images/sec",
    "eta": "{}",
}

package_logger = logging.getLogger("ppdeepfill")
logger = logging.getLogger(__name__)


class TrainingLog:
    """The log of one run; a context manager.

    Args:
        config: configuration of the run.
    """

    def __init__(self, config: Config):
        self.config = config
        self.output_dir = Path(config.output_dir)
        self.iterations = config.schedule.iterations
        self._curves = None
        self._bar = None

    def __enter__(self) -> "TrainingLog":
        check_writable(self.output_dir, change="output_dir")
        self._open = ExitStack()
        self._open.enter_context(sole_use(self.output_dir, change="output_dir"))
        self._file = _LogFile(
            self.output_dir / "log.txt", encoding="utf-8", errors="backslashreplace", delay=True
        )
        self._file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        package_logger.addHandler(self._file)
        self._open.callback(self._file.close)
        self._open.callback(package_logger.removeHandler, self._file)
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, Exception):  # the caller shows it on the terminal only
            with suppress(OSError, OutputError):
                self._write_to_file(
                    f"the run failed: {error}",
                    level=logging.ERROR,
                    trace=None if isinstance(error, UserError) else (kind, error, trace),
                )
        self._open.__exit__(kind, error, trace)

    def start(self, iteration: int) -> None:
        """Continue after `iteration`; later entries are dropped, for they will be written again."""
        with written_whole(self.output_dir / "config.yaml") as partial:
            partial.write_text(self.config.to_yaml(), encoding="utf-8")
        kept = rewind(self.output_dir / "metrics.jsonl", iteration)
        if self.config.logging.visualdl:
            self._curves = _open_visualdl(self.output_dir / "vdl")
        if self._curves is not None:
            self._open.callback(_close_curves, self._curves)
        for entry in kept:
            self._draw_curves(entry)
        if sys.stdout.isatty():
            self._bar = tqdm(total=self.iterations, initial=iteration, file=sys.stdout, unit="iter")
            self._open.enter_context(self._bar)
            self._open.enter_context(logging_redirect_tqdm([logging.getLogger(), package_logger]))

    def advance(self) -> None:
        """Count one iteration on the progress bar."""
        if self._bar is not None:
            self._bar.update()

    def train(self, iteration: int, reading: Reading, *, learning_rate: float) -> None:
        """Write the means of one interval; on a terminal they appear after the progress bar."""
        # The loss comes first. It is nan where all updates were bad, and there is none where the
        # network was not trained.
        trained = "loss" in reading.scalars or not reading.scalars
        entry = {
            "iter": iteration,
            **({"loss": math.nan} if trained else {}),
            **reading.scalars,
            "lr": learning_rate,
            "avg_reader_cost": reading.reader_cost,
            "avg_batch_cost": reading.batch_cost,
            "avg_samples": reading.samples,
            "ips": reading.samples / reading.batch_cost,
            "eta": duration(self._seconds_left(iteration, reading)),
        }
        self._add_metrics("train", entry)
        line = f"[TRAIN] {self._line(entry)}"
        if self._bar is None:
            logger.info(line)
        else:
            self._bar.set_postfix_str(self._line(entry))
            self._write_to_file(line)

    def _seconds_left(self, iteration: int, reading: Reading) -> float:
        seconds = (self.iterations - iteration) * reading.batch_cost
        minutes = self.config.schedule.minutes
        return seconds if minutes is None else min(seconds, 60 * minutes - reading.total_seconds)

    def validate(self, iteration: int, scores: dict[str, float]) -> None:
        """Write the scores of one validation."""
        entry = {"iter": iteration, **scores}
        self._add_metrics("validate", entry)
        logger.info("[VALIDATE] %s", self._line(entry))

    def picture(self, iteration: int, picture: ndarray) -> Path:
        """Write a picture, uint8 [H, W, 3] RGB."""
        path = self.output_dir / "images" / f"iter_{iteration:08d}.png"
        content = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
        try:
            with written_whole(path) as partial:
                partial.write_bytes(content)
        except OSError as error:
            raise _cannot_write(path, error) from error
        if self._curves is not None:
            self._curves.add_image("train/samples", picture, step=iteration)
        return path

    def _write_to_file(self, line: str, *, level: int = logging.INFO, trace=None) -> None:
        """Write a line to log.txt but not to the terminal."""
        self._file.handle(logger.makeRecord(logger.name, level, "", 0, line, (), trace))

    def _add_metrics(self, kind: str, entry: dict) -> None:
        entry = {"type": kind, **entry}
        path = self.output_dir / "metrics.jsonl"
        # JSON has no nan; a mean over no good update is null.
        line = json.dumps({k: None if _is_nan(v) else v for k, v in entry.items()}) + "\n"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise _cannot_write(path, error) from error
        self._draw_curves(entry)

    def _draw_curves(self, entry: dict) -> None:
        if self._curves is None:
            return
        for key, value in entry.items():
            if isinstance(value, float) and not _is_nan(value):
                self._curves.add_scalar(f"{entry['type']}/{key}", value, step=entry["iter"])

    def _line(self, entry: dict) -> str:
        values = {**entry, "iter": f"{entry['iter']}/{self.iterations}"}
        return ", ".join(
            f"{key}: " + FORMATS.get(key, "{:.4f}").format(value) for key, value in values.items()
        )


class _LogFile(logging.FileHandler):
    """A log file that, like any other file, stops the run if it cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's name
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise _cannot_write(Path(self.baseFilename), error) from error
        raise

    def close(self) -> None:
        with suppress(OSError):  # any failure to write has been reported by then
            super().close()


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {path}: {error.strerror or error}; free some space, then run the same "
        "command to continue"
    )


def duration(seconds: float) -> str:
    """Format seconds as hours:minutes:seconds; a negative number counts as 0."""
    minutes, seconds = divmod(max(round(seconds), 0), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def rewind(path: Path, iteration: int) -> list[dict]:
    """Drop the entries of a metrics file after an iteration, and return the others.

    Lines that cannot be read are dropped, too, such as one left half-written by a killed run.
    """
    if not path.exists():
        return []
    kept = []
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            if entry["iter"] <= iteration:
                kept.append(entry)
        except (ValueError, TypeError, LookupError):
            logger.warning("%s: dropped a line that cannot be read", path)
    with written_whole(path) as partial:
        partial.write_text("".join(json.dumps(e) + "\n" for e in kept), encoding="utf-8")
    return kept


def _open_visualdl(folder: Path):
    """Open a VisualDL writer on an emptied folder: VisualDL shows only a folder's last file."""
    try:
        from visualdl import LogWriter
    except ImportError:
        logger.warning(
            "VisualDL is not installed, so no curves are written: pip install visualdl, or set "
            "logging.visualdl=false to silence this warning"
        )
        return None
    for old in folder.glob("*"):
        old.unlink()
    return LogWriter(logdir=str(folder))


def _close_curves(curves) -> None:
    with suppress(OSError):  # VisualDL has reported it, and nothing else depends on its files
        curves.close()


def _is_nan(value) -> bool:
    return isinstance(value, float) and math.isnan(value)
