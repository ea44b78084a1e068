# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Photographs as people keep them: reading and writing their files, and finding their holes.

Nothing here knows about networks; `ppdeepfill.inference.strategies` does the filling.
"""

from ppdeepfill.photos.holes import HoleRule, NoHole, find_hole, hole_of_mask
from ppdeepfill.photos.pairs import Pair, find_pairs
from ppdeepfill.photos.photo import Photo
from ppdeepfill.photos.reading import photo_from, read_photo
from ppdeepfill.photos.results import Results
from ppdeepfill.photos.writing import encoded, suffix_of, write_photo

__all__ = [
    "HoleRule",
    "NoHole",
    "Pair",
    "Photo",
    "Results",
    "encoded",
    "find_hole",
    "find_pairs",
    "hole_of_mask",
    "photo_from",
    "read_photo",
    "suffix_of",
    "write_photo",
]
