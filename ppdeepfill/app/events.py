# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The events of the page: a visitor opens a photo, presses Fill, downloads, and so on.

Every event gets gradio's request, whose session identifies the visitor.
"""

import base64
import binascii
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from html import escape

import gradio as gr

from ppdeepfill.app import filling
from ppdeepfill.app.methods import Methods
from ppdeepfill.app.samples import CHOSEN, sample
from ppdeepfill.app.shown import shown, shown_filling, shown_size
from ppdeepfill.app.visits import Visit, Visits
from ppdeepfill.app.worker import Cancelled, Job, Worker
from ppdeepfill.errors import DataError, UserError
from ppdeepfill.inference.strategies import Strategy
from ppdeepfill.photos import Photo

logger = logging.getLogger(__name__)

LONGEST_MASK = 12 << 20  # characters of base64
TICK = 0.1  # seconds between two updates of the progress
NEVER_MIND = "Cancelled. The paint is still there."


def said(text: str, kind: str = "done") -> str:
    """Format a message as HTML, and capitalise its first letter."""
    return f'<span class="{kind}" role="status">{escape(text[:1].upper() + text[1:])}</span>'


class Events:
    """The events of the page, for all its visitors.

    Args:
        worker: the thread that runs networks.
    """

    def __init__(self, worker: Worker):
        self.methods = Methods()
        self.visits = Visits()
        self._worker = worker
        self._jobs: dict[str, Job] = {}  # by session

    def arrive(self, request: gr.Request) -> tuple:
        """A visitor opens the page -> painter, message, methods to choose from."""
        names = self.methods.names()
        return *self._open(request, {"sample": 0}), gr.Dropdown(choices=names)

    def open(self, painted: dict | None, request: gr.Request) -> tuple:
        """A file or sample from the painter -> painter, message, viewer, downloads."""
        try:
            return *self._open(request, painted or {}), None, gr.Row(visible=False)
        except UserError as error:
            return gr.skip(), said(str(error), "error"), gr.skip(), gr.skip()

    def _open(self, request: gr.Request, chosen: dict) -> tuple[dict, str]:
        visit, photo = _opened(chosen)
        self.visits.open(request.session_hash, visit)
        height, width = shown_size(visit.size)
        notes = "; ".join(photo.notes)
        text = f"{visit.name}, {visit.size[1]} x {visit.size[0]} pixels{notes and ': ' + notes}."
        view = {"photo": shown(photo.rgb()), "width": width, "height": height}
        return view, said(f"{text} Paint over what should disappear, then press Fill.")

    def fill(
        self,
        painted: dict | None,
        method: str,
        widen: float,
        blend: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 gradio finds it here
    ) -> tuple:
        """The painted mask -> viewer, message, downloads."""
        session, job, began = request.session_hash, Job(), time.monotonic()
        self._jobs[session] = job
        try:
            visit = self.visits.get(session)
            mask = _decoded((painted or {}).get("mask", ""), "the painted mask", LONGEST_MASK)
            strategy = Strategy(blend="poisson" if blend else "none")
            future = self._worker.run(
                self._computed, job, session, visit, mask, method, int(widen), strategy
            )
            _show_progress(future, job, progress)
            views = future.result()
            text = (
                f"Filled in {time.monotonic() - began:.1f} s. Paint more, or download the result."
            )
            return views, said(text), gr.Row(visible=True)
        except Cancelled:
            return _only(said(NEVER_MIND))
        except UserError as error:
            return _only(said(str(error), "error"))
        except Exception:
            logger.exception("filling failed")
            text = "something went wrong; see the log of the program"
            return _only(said(text, "error"))
        finally:
            self._jobs.pop(session, None)

    def _computed(
        self,
        job: Job,
        session: str,
        visit: Visit,
        mask: bytes,
        method: str,
        widen: int,
        strategy: Strategy,
    ) -> dict | None:
        """Fill the hole, in the worker -> the views that the page shows."""
        job.before_crop(0, 1)
        inpainter = self.methods.inpainter(method)
        photo = filling.reopened(visit)
        hole = filling.hole_in(mask, visit.size, shown_size(visit.size), widen)
        result, filled = filling.filled(inpainter, photo, hole, strategy, job.before_crop)
        if not self.visits.finish(session, visit, result):
            raise Cancelled
        return shown_filling(photo.rgb(), hole, filled)

    def cancel(self, request: gr.Request) -> str:
        """Stop the current filling -> message."""
        job = self._jobs.get(request.session_hash)
        if job is None:
            return said("There is nothing to cancel.")
        job.cancel()
        return said(NEVER_MIND)

    def download(self, kind: str) -> Callable:
        """Return the event that downloads the "same", "png" or "mask" file -> saver, message."""
        makers = {
            "same": lambda visit: filling.result_file(visit, as_png=False),
            "png": lambda visit: filling.result_file(visit, as_png=True),
            "mask": filling.mask_file,
        }

        def run(request: gr.Request) -> tuple:
            try:
                file = makers[kind](self.visits.get(request.session_hash))
            except UserError as error:
                return gr.skip(), said(str(error), "error")
            content = base64.b64encode(file.content).decode("ascii")
            notes = "".join(f"; {note}" for note in file.notes)
            answer = {"name": file.name, "type": file.type, "content": content}
            return answer, said(f"Saved as {file.name}{notes}.")

        return run

    def close(self) -> None:
        """End all that is being filled."""
        for job in list(self._jobs.values()):
            job.cancel()

    def leave(self, request: gr.Request) -> None:
        """A visitor closes the page: forget the photo and stop the filling."""
        self.cancel(request)
        self.visits.end(request.session_hash)


def _opened(chosen: dict) -> tuple[Visit, Photo]:
    """Open the sample or file that the painter sends."""
    if "sample" in chosen:
        number = chosen["sample"]
        if number not in range(len(CHOSEN)):
            raise DataError(f"there is no sample {number!r}")
        return sample(number)
    file = chosen.get("file")
    if not isinstance(file, dict) or not isinstance(file.get("name"), str):
        raise DataError("the photo did not arrive; open it again")
    longest = filling.MEGABYTES * 4 * 2**20 // 3 + 4
    return filling.open_photo(_decoded(file.get("content"), file["name"], longest), file["name"])


def _decoded(text: object, name: str, longest: int) -> bytes:
    """Decode base64, with or without the prefix of a data URL."""
    text = text.rpartition(",")[2] if isinstance(text, str) else ""
    if len(text) > longest:
        raise DataError(f"{name} is larger than {longest * 3 // 4 >> 20} MB; save it smaller")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DataError(f"{name} did not arrive completely; open it again") from None


def _only(message: object) -> tuple:
    """Outputs of a filling that change only the message."""
    return gr.skip(), message, gr.skip()


def _show_progress(future: Future, job: Job, progress: gr.Progress) -> None:
    """Show the progress of a filling until it ends."""
    while not future.done():
        number, count = job.crop
        part = f", part {number + 1} of {count}" if count > 1 else ""
        progress((number, count) if count > 1 else None, desc=f"Filling{part}", unit="parts")
        wait([future], timeout=TICK)
