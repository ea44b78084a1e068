# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The events of the page: a visitor opens a photo, marks things, presses Fill, downloads.

Every event gets gradio's request, whose session identifies the visitor.
"""

import base64
import logging
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple, TypeVar

import gradio as gr

from ppdeepfill.app import filling
from ppdeepfill.app.methods import Methods
from ppdeepfill.app.received import mask_of, opened
from ppdeepfill.app.shown import shown, shown_filling, shown_hole, shown_size
from ppdeepfill.app.visits import Visit, Visits
from ppdeepfill.app.words import MESSAGES, REFUSALS, Refusal, Words
from ppdeepfill.app.worker import Cancelled, Job, Jobs
from ppdeepfill.errors import UserError
from ppdeepfill.inference.strategies import Strategy
from ppdeepfill.segmentation.recognition import Recognizer

logger = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS = gr.Progress()  # gradio finds it among the defaults of an event


class Workshop(NamedTuple):
    """The parts that the pages in all languages share.

    Attributes:
        jobs: what visitors have asked the worker to do.
        methods: the methods to choose from.
        visits: the photos and results of all visitors.
        recognizer: finds things by their class; None without a PaddleSeg model.
    """

    jobs: Jobs
    methods: Methods
    visits: Visits
    recognizer: Recognizer | None = None


def said(text: str, kind: str = "done") -> str:
    """Format a message as HTML, with a capital letter first unless that begins a file name."""
    if text.partition(" ")[0].isalpha():
        text = text[:1].upper() + text[1:]
    return f'<span class="{kind}" role="status">{escape(text)}</span>'


class Events:
    """The events of the page in one language, for all its visitors.

    Args:
        workshop: what does the work.
        words: what to say.
    """

    def __init__(self, workshop: Workshop, words: Words):
        self.workshop, self.words = workshop, words
        self._visits = workshop.visits

    def arrive(self, request: gr.Request) -> tuple:
        """A visitor opens the page -> painter, message, methods to choose from."""
        return *self._open(request, {"sample": 0}), gr.Dropdown(choices=self.method_choices())

    def method_choices(self) -> list[tuple[str, str]]:
        """(text, name) of each method, as gradio's dropdown takes them."""
        methods = self.workshop.methods
        return [(methods.shown(name, self.words), name) for name in methods.names()]

    def open(self, painted: dict | None, request: gr.Request) -> tuple:
        """A file or sample from the painter -> painter, message, viewer, downloads."""
        try:
            return *self._open(request, painted), None, gr.Row(visible=False)
        except UserError as error:
            return gr.skip(), self._refused(error), gr.skip(), gr.skip()

    def _open(self, request: gr.Request, chosen: dict | None) -> tuple[dict, str]:
        visit, photo = opened(chosen)
        self._visits.open(request.session_hash, visit)
        height, width = shown_size(visit.size)
        view = {"photo": shown(photo.rgb()), "width": width, "height": height}
        text = self.words(
            MESSAGES["opened_with_notes" if photo.notes else "opened"],
            name=visit.name,
            width=visit.size[1],
            height=visit.size[0],
            notes="; ".join(photo.notes),
        )
        return view, said(f"{text} {self.words(MESSAGES['what_next'])}")

    def fill(
        self,
        painted: dict | None,
        method: str,
        widen: float,
        blend: bool,
        request: gr.Request,
        progress: gr.Progress = PROGRESS,
    ) -> tuple:
        """The painted mask -> viewer, message, downloads."""
        session, began = request.session_hash, time.monotonic()
        strategy = Strategy(blend="poisson" if blend else "none")

        def compute() -> dict:
            visit, mask = self._visits.get(session), mask_of(painted)
            watch = self._watch(progress, self.words(MESSAGES["filling"]))
            work = (self._filled, session, visit, mask, method, int(widen), strategy)
            return self.workshop.jobs.run(session, watch, *work)

        views, refusal = self._attempted(compute)
        if views is None:
            return gr.skip(), refusal, gr.skip()
        text = self.words(MESSAGES["filled"], seconds=time.monotonic() - began)
        return views, said(text), gr.Row(visible=True)

    def mark(
        self, numbers: Sequence[int], request: gr.Request, progress: gr.Progress = PROGRESS
    ) -> tuple:
        """Numbers of classes -> painter with a hole over things of these classes, message."""
        session = request.session_hash

        def compute() -> tuple[dict, str]:
            names = ", ".join(self._class_names(numbers))
            visit = self._visits.get(session)
            watch = self._watch(progress, self.words(MESSAGES["marking"], classes=names))
            work = (self._marked, session, visit, numbers)
            return self.workshop.jobs.run(session, watch, *work), names

        marked, refusal = self._attempted(compute)
        if marked is None:
            return gr.skip(), refusal
        hole, names = marked
        return hole, said(self.words(MESSAGES["marked"], classes=names))

    def _class_names(self, numbers: Sequence[int]) -> list[str]:
        names = self.workshop.recognizer.names if self.workshop.recognizer else []
        if not numbers:
            raise Refusal("no_class_chosen")
        if any(number not in range(len(names)) for number in numbers):
            raise Refusal("no_such_class")
        return [names[number] for number in numbers]

    def _filled(
        self,
        job: Job,
        session: str,
        visit: Visit,
        mask: bytes,
        method: str,
        widen: int,
        strategy: Strategy,
    ) -> dict:
        """Fill the hole, in the worker -> the views that the page shows."""
        inpainter = self.workshop.methods.inpainter(method)
        photo = filling.reopened(visit)
        hole = filling.hole_in(mask, visit.size, shown_size(visit.size), widen)
        result, filled = filling.filled(inpainter, photo, hole, strategy, job.before_crop)
        if not self._visits.finish(session, visit, result):
            raise Cancelled
        return shown_filling(photo.rgb(), hole, filled)

    def _marked(self, job: Job, session: str, visit: Visit, numbers: Sequence[int]) -> dict:
        """Find things of these classes, in the worker -> the hole for the painter."""
        photo = filling.reopened(visit)
        hole = self.workshop.recognizer.find(photo, numbers, Path(visit.name))
        job.before_crop(0, 1)
        if not self._visits.holds(session, visit):
            raise Cancelled
        height, width = shown_size(visit.size)
        return {"hole": shown_hole(hole), "width": width, "height": height}

    def _watch(self, progress: gr.Progress, doing: str) -> Callable[[Job], None]:
        """Return a function that shows the progress of a job."""

        def show(job: Job) -> None:
            number, parts = job.crop
            if parts == 1:
                progress(None, desc=doing)
                return
            text = self.words(MESSAGES["filling_part"], part=number + 1, parts=parts)
            progress((number, parts), desc=text, unit=self.words(MESSAGES["parts"]))

        return show

    def _attempted(self, compute: Callable[[], T]) -> tuple[T | None, str]:
        """Return (result, "") of `compute`, or (None, a message) if it fails."""
        try:
            return compute(), ""
        except Cancelled:
            return None, said(self.words(MESSAGES["cancelled"]))
        except UserError as error:
            return None, self._refused(error)
        except Exception:
            logger.exception("an event of the page failed")
            return None, said(self.words(REFUSALS["unexpected"]), "error")

    def _refused(self, error: UserError) -> str:
        return said(self.words.why(error), "error")

    def cancel(self, request: gr.Request) -> str:
        """Stop what the visitor has started -> message."""
        cancelled = self.workshop.jobs.cancel(request.session_hash)
        return said(self.words(MESSAGES["cancelled" if cancelled else "nothing_to_cancel"]))

    def download(self, kind: str) -> Callable:
        """Return the event that downloads the "same", "png" or "mask" file -> saver, message."""
        makers = {
            "same": lambda visit: filling.result_file(visit, as_png=False),
            "png": lambda visit: filling.result_file(visit, as_png=True),
            "mask": filling.mask_file,
        }

        def run(request: gr.Request) -> tuple:
            try:
                file = makers[kind](self._visits.get(request.session_hash))
            except UserError as error:
                return gr.skip(), self._refused(error)
            content = base64.b64encode(file.content).decode("ascii")
            answer = {"name": file.name, "type": file.type, "content": content}
            phrase = MESSAGES["saved_with_notes" if file.notes else "saved"]
            return answer, said(self.words(phrase, name=file.name, notes="; ".join(file.notes)))

        return run

    def leave(self, request: gr.Request) -> None:
        """A visitor closes the page: forget the photo and stop the filling."""
        self.cancel(request)
        self._visits.end(request.session_hash)
