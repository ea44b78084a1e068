# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
from published_weights import weights_of
from safetensors.numpy import save_file
from scipy.linalg import sqrtm

from ppdeepfill.errors import CheckpointError, WeightsError
from ppdeepfill.evaluation.metrics.fid import InceptionFeatures, frechet_distance
from ppdeepfill.evaluation.metrics.learned import LearnedMetrics
from ppdeepfill.evaluation.metrics.perceptual import Lpips


@pytest.fixture
def reference(own_arrays):
    arrays = dict(np.load(own_arrays / "torch_learned_metrics.npz"))
    return arrays | {"image": arrays["image"].repeat(8, 0).repeat(10, 1)}


def test_lpips_is_that_of_its_authors(reference, tmp_path):
    weights = weights_of(str(reference["lpips_shapes"]))
    save_file(weights, tmp_path / "w.safetensors")
    lpips = Lpips(tmp_path / "w.safetensors")
    completed, image = reference["completed"], reference["image"]
    assert lpips(completed, image) == pytest.approx(float(reference["lpips"]), rel=1e-5)
    assert lpips(image, completed) == pytest.approx(lpips(completed, image), rel=1e-6)
    assert lpips(image, image) == pytest.approx(0, abs=1e-12)
    del weights["lin2.model.1.weight"]
    save_file(weights, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=r"missing lin\.2\.weight"):
        Lpips(tmp_path / "w.safetensors")


def test_features_are_those_of_pytorch_fid(reference, tmp_path):
    save_file(weights_of(str(reference["inception_shapes"])), tmp_path / "w.safetensors")
    features = InceptionFeatures(tmp_path / "w.safetensors")(reference["image"])
    np.testing.assert_allclose(features, reference["features"], atol=2e-5)  # 1.0 is the largest
    learned = LearnedMetrics(fid_weights=tmp_path / "w.safetensors")
    assert (learned.features("truth", reference["image"])["truth"] == features).all()
    assert [note.split()[0] for note in learned.notes(10)] == ["lpips", "fid"]
    assert len(learned.notes(2048)) == 1


def test_frechet_distance_is_that_of_pytorch_fid(reference):
    found = frechet_distance(reference["first"], reference["second"])
    assert found == pytest.approx(float(reference["fid"]))


def test_frechet_distance_of_normal_distributions(rng):
    """Of independent features: squared differences of means and of deviations."""
    unit = rng.normal(size=(50, 3))
    unit = (unit - unit.mean(0)) @ np.linalg.inv(sqrtm(np.cov(unit, rowvar=False)))
    first, second = unit * [1, 2, 3] + [0, 0, 1], unit * [2, 2, 1] + [3, 0, 1]
    assert frechet_distance(first, second) == pytest.approx(3**2 + 1 + 0 + 2**2)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_fewer_images_than_features_are_no_trouble(rng):
    first, second = rng.normal(size=(2, 6, 20))
    direct = sqrtm(np.cov(first, rowvar=False) @ np.cov(second, rowvar=False)).trace().real
    spread = sum(np.cov(x, rowvar=False).trace() for x in (first, second))
    shift = np.square(first.mean(0) - second.mean(0)).sum()
    assert frechet_distance(first, second) == pytest.approx(shift + spread - 2 * direct, rel=1e-4)


@pytest.mark.parametrize("metric", [Lpips, InceptionFeatures])
def test_unusable_weights_are_explained(metric, tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsError, match=r"w\.safetensors: there is no such file"):
        metric(path)
    path.write_bytes(b"pickle")
    with pytest.raises(WeightsError, match="docs/metrics.md"):
        metric(path)
    save_file({"a": np.zeros(1, np.float32)}, path)
    with pytest.raises(CheckpointError, match="unexpected a|missing"):
        metric(path)


def test_without_weights_nothing_is_measured(rng):
    learned = LearnedMetrics()
    image = rng.integers(0, 256, [32, 32, 3], dtype=np.uint8)
    assert learned.measure(image, image) == learned.features("truth", image) == {}
    assert [note.split(":")[0] for note in learned.notes(9)] == ["lpips is absent", "fid is absent"]
