# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from ppdeepfill.data import UnreadableImage
from ppdeepfill.errors import DataError
from ppdeepfill.evaluation.metrics import l1, psnr
from ppdeepfill.inference.baselines import mean_fill, telea
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import build_network
from ppdeepfill.training.validation import (
    ValidationSet,
    score,
    spread,
    validate,
    validate_baselines,
)


class Picture(NamedTuple):
    image: np.ndarray
    mask: np.ndarray


class Pictures:
    source = SimpleNamespace(spec="the pictures")

    def __init__(self, count, unreadable=()):
        self.count, self.unreadable = count, unreadable

    def __len__(self):
        return self.count

    def validation_sample(self, index):
        if index in self.unreadable:
            raise UnreadableImage(f"{index}.png", "cut short")
        image = np.random.default_rng(index).integers(0, 256, [32, 40, 3], dtype=np.uint8)
        mask = np.zeros([32, 40], np.uint8)
        mask[8:24, 8:30] = 1
        return Picture(image, mask)


def test_scores_are_means_over_images():
    samples = ValidationSet(Pictures(3), 3)
    scores = score((s, np.zeros_like(s.image)) for s in samples)
    for name, measure in [
        ("hole_l1", lambda s: l1(np.zeros_like(s.image), s.image, s.mask > 0)),
        ("psnr", lambda s: psnr(np.zeros_like(s.image), s.image)),
    ]:
        assert scores[name] == pytest.approx(np.mean([measure(s) for s in samples]))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_score_as_singles(batch_size):
    network = build_network("deepfill_v1", base_channels=4)
    samples = ValidationSet(Pictures(5), 5)
    scores = validate(network, samples, batch_size=batch_size)
    inpainter = Inpainter(network)
    expected = score((s, inpainter(s.image, s.mask * np.uint8(255))) for s in samples)
    # A pixel may round to its neighbour when sums come in another order.
    assert scores["hole_l1"] == pytest.approx(expected["hole_l1"], rel=1e-4)
    assert scores["psnr"] == pytest.approx(expected["psnr"], rel=1e-4)


def test_baselines_are_scored_on_the_same_images():
    samples = ValidationSet(Pictures(2), 2)
    scores = validate_baselines(samples)
    assert list(scores) == ["mean_fill", "telea"]
    for method in (mean_fill, telea):
        filled = [(s, method(s.image, s.mask * np.uint8(255))) for s in samples]
        assert scores[method.__name__] == score(filled)


def test_validation_set_spreads_over_the_images():
    assert spread(10, 4) == [0, 3, 6, 9]
    assert spread(3, 100) == [0, 1, 2]
    assert spread(1, 5) == [0]
    assert len(set(spread(1000, 100))) == 100
    samples = ValidationSet(Pictures(10), 4)
    assert len(samples) == 4
    for sample, index in zip(samples, spread(10, 4), strict=True):
        assert (sample.image == Pictures(10).validation_sample(index).image).all()


def test_unreadable_images_are_skipped_named_once_and_counted(caplog):
    samples = ValidationSet(Pictures(5, unreadable=(1, 4)), 5)
    network = build_network("deepfill_v1", base_channels=4)
    scores = [validate(network, samples, batch_size=2), validate_baselines(samples)]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "skipped unreadable image '1.png' of the pictures: cut short (1 so far)",
        "skipped unreadable image '4.png' of the pictures: cut short (2 so far)",
    ]
    readable = [Pictures(5).validation_sample(index) for index in (0, 2, 3)]
    assert scores[1] == validate_baselines(readable)
    assert scores[0] == pytest.approx(validate(network, readable, batch_size=2))


def test_without_a_readable_image_validation_says_so():
    with pytest.raises(DataError, match="none of the 2 validation images of the pictures"):
        validate_baselines(ValidationSet(Pictures(2, unreadable=(0, 1)), 2))
