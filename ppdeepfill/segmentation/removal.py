# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Make a hole of the things in a photograph that should be removed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from numpy import ndarray

from ppdeepfill.photos import HoleRule, Photo, widened_and_checked
from ppdeepfill.segmentation.recognition import Recognition, Recognizer


@dataclass(frozen=True)
class Removal:
    """The things to remove, and the model that finds them.

    Attributes:
        classes: names or numbers of their classes.
        recognition: the PaddleSeg model.
    """

    classes: Sequence[str]
    recognition: Recognition


class ClassHoles:
    """Finds the things to remove in photographs.

    Args:
        removal: what to look for.

    Raises:
        UserError: the model cannot be used, or has no such class.
    """

    def __init__(self, removal: Removal):
        self._recognizer = Recognizer(removal.recognition)
        self._numbers = self._recognizer.numbers(removal.classes)

    def find(self, photo: Photo, path: Path, rule: HoleRule) -> ndarray:
        """The hole of a photo, bool [H, W], widened as the rule says.

        Args:
            photo: the photo.
            path: its file, for messages.
            rule: how far to widen, and how strict to be.

        Raises:
            NoHole: nothing of these classes is in the photo.
            DataError: the hole covers the whole photo.
        """
        hole = self._recognizer.find(photo, self._numbers, path)
        # No mask was given, so there is no polarity to warn of, however large the hole is.
        return widened_and_checked(hole, path, replace(rule, polarity="white"))
