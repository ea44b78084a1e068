# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A small PaddleSeg model, written for a test, and a photo for it."""

from functools import partial
from pathlib import Path

import colour_classes
import pytest


@pytest.fixture(scope="session")
def registered():
    """The model is known to PaddleSeg, which has to be installed."""
    colour_classes.register()


@pytest.fixture
def write_model(tmp_path):
    """Writes seg.yml and seg.pdparams; changes are sections of the configuration."""
    return partial(colour_classes.write_model, tmp_path)


@pytest.fixture
def labels(tmp_path) -> Path:
    return colour_classes.write_labels(tmp_path)


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photos" / "walk.png"
    path.parent.mkdir()
    colour_classes.write_photo(path)
    return path
