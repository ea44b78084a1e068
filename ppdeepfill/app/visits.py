# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The photos and results that the page keeps in memory for each visitor, within a limit."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from numpy import ndarray

from ppdeepfill.app.words import Refusal

MEMORY = 512 << 20  # bytes for the files and results of all visitors
MOST_VISITS = 200


@dataclass(frozen=True)
class Result:
    """A filled hole; every download is made from it.

    Attributes:
        hole: the hole, one bit per pixel: `numpy.packbits` of bool [H, W].
        colors: uint8 [N, 3] RGB, the N pixels of the hole row by row.
    """

    hole: ndarray
    colors: ndarray


@dataclass(frozen=True)
class Visit:
    """A photo that a visitor has opened.

    Attributes:
        name: name of its file, without folders.
        content: content of its file.
        size: height and width in px, as displayed.
        result: the last filling; None before the first.
    """

    name: str
    content: bytes
    size: tuple[int, int]
    result: Result | None = None

    @property
    def bytes_held(self) -> int:
        """Memory that this visit takes."""
        arrays = (self.result.hole, self.result.colors) if self.result else ()
        return len(self.content) + sum(array.nbytes for array in arrays)


class Visits:
    """The visit of each session; new visits replace the least recently used ones.

    Args:
        memory: limit in bytes for all visits together.
        most: maximum number of visits.
    """

    def __init__(self, memory: int = MEMORY, most: int = MOST_VISITS):
        self._memory, self._most = memory, most
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._visits)

    @property
    def bytes_held(self) -> int:
        """Memory that all visits take."""
        with self._lock:
            return sum(visit.bytes_held for visit in self._visits.values())

    def open(self, session: str, visit: Visit) -> None:
        """Start a visit, replacing an earlier one of the same session."""
        with self._lock:
            self._put(session, visit)

    def get(self, session: str) -> Visit:
        """Return the visit of a session.

        Raises:
            Refusal: there is none, or others have replaced it.
        """
        with self._lock:
            if session not in self._visits:
                raise Refusal("gone")
            self._visits.move_to_end(session)
            return self._visits[session]

    def holds(self, session: str, visit: Visit) -> bool:
        """Whether the session still has this photo."""
        with self._lock:
            return self._has(session, visit)

    def finish(self, session: str, visit: Visit, result: Result) -> bool:
        """Keep a visit's result; False if the session has another photo by now or has ended."""
        with self._lock:
            if not self._has(session, visit):
                return False
            self._put(session, replace(visit, result=result))
            return True

    def end(self, session: str) -> None:
        """Forget everything that a session has sent."""
        with self._lock:
            self._visits.pop(session, None)

    def _has(self, session: str, visit: Visit) -> bool:
        current = self._visits.get(session)
        return current is not None and current.content is visit.content

    def _put(self, session: str, visit: Visit) -> None:
        self._visits.pop(session, None)
        self._visits[session] = visit
        held = sum(visit.bytes_held for visit in self._visits.values())
        while len(self._visits) > 1 and (held > self._memory or len(self._visits) > self._most):
            held -= self._visits.popitem(last=False)[1].bytes_held
