# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from PIL import Image

from ppdeepfill.errors import ConfigError
from ppdeepfill.inference.inpainter import Inpainter, inpainting
from ppdeepfill.networks import Prediction, build_network
from ppdeepfill.networks.kernels.graph_runs import runs
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator


class Constant(nn.Layer):
    """Predicts one value everywhere and remembers what it was given."""

    size_multiple = 8

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, masked_image, mask):
        self.masked_image, self.mask = masked_image.numpy(), mask.numpy()
        return Prediction(paddle.full_like(masked_image, self.value))


@pytest.fixture
def photo(rng):
    return rng.integers(0, 256, [37, 45, 3], dtype=np.uint8)


@pytest.fixture
def mask():
    mask = np.zeros([37, 45], np.uint8)
    mask[30:, 20:40] = 255
    return mask


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (37, 45), (64, 32)])
def test_any_size_keeps_its_size_and_its_known_pixels(size, rng):
    image = rng.integers(0, 256, [*size, 3], dtype=np.uint8)
    mask = rng.integers(0, 2, size, dtype=np.uint8) * 255
    completed = Inpainter(build_network("deepfill_v1", base_channels=4))(image, mask)
    assert completed.shape == image.shape
    assert completed.dtype == np.uint8
    assert (completed[mask == 0] == image[mask == 0]).all()


@pytest.mark.parametrize(("value", "expected"), [(-1.0, 0), (1.0, 255), (0.0, 128), (0.2, 153)])
def test_the_hole_holds_the_rounded_prediction(photo, mask, value, expected):
    completed = Inpainter(Constant(value))(photo, mask)
    assert set(completed[mask > 0].ravel()) == {expected}


def test_the_network_sees_no_pixel_of_the_hole_and_a_mirrored_border(photo, mask):
    network = Constant(0.0)
    Inpainter(network)(photo, mask)
    assert network.masked_image.shape == (1, 3, 40, 48)
    assert network.mask.shape == (1, 1, 40, 48)
    assert (network.masked_image[network.mask.repeat(3, 1) > 0] == 0).all()
    known = network.masked_image[0, :, 0, 0]
    np.testing.assert_allclose(known, photo[0, 0] / 127.5 - 1, rtol=0, atol=1e-6)
    assert (network.mask[0, 0, 37:] == network.mask[0, 0, 34:37][::-1]).all()
    assert (network.masked_image[..., 45:] == network.masked_image[..., 42:45][..., ::-1]).all()


def test_images_of_a_batch_do_not_mix(rng):
    inpainter = Inpainter(build_network("deepfill_v1", base_channels=4))
    images = rng.integers(0, 256, [2, 32, 40, 3], dtype=np.uint8)
    masks = np.zeros([2, 32, 40], np.uint8)
    masks[0, 8:24, 8:24] = masks[1, 4:12, 20:36] = 255
    together = inpainter.fill_batch(images, masks)
    alone = np.stack([inpainter(image, mask) for image, mask in zip(images, masks, strict=True)])
    # Sums in another order may round to the neighbouring value.
    assert np.abs(together.astype(int) - alone).max() <= 1


def test_an_image_beyond_the_attention_memory_goes_through_in_blocks(rng):
    network = build_network("deepfill_v1", base_channels=4)
    image = rng.integers(0, 256, [64, 72, 3], dtype=np.uint8)
    mask = np.zeros([64, 72], np.uint8)
    mask[16:48, 24:56] = 255
    whole = Inpainter(network)
    expected = whole(image, mask)
    assert whole.predict(image[None], mask[None]).attention is not None
    limited = Inpainter(network, attention_memory=150_000 / 2**30)
    assert limited.predict(image[None], mask[None]).attention is None
    # Another order of sums may round to the neighbouring value.
    assert np.abs(limited(image, mask).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("memory", [0, -1, float("nan"), float("inf"), 1e300, "2", None])
def test_an_attention_memory_that_is_none_is_refused(memory):
    with pytest.raises(
        ConfigError, match="attention_memory must be a finite number of GiB above 0"
    ):
        Inpainter(Constant(0.0), attention_memory=memory)


def test_too_little_attention_memory_is_named(photo, mask):
    inpainter = Inpainter(build_network("deepfill_v1", base_channels=4), attention_memory=1e-6)
    with pytest.raises(ConfigError, match="attention_memory: .* needs at least"):
        inpainter(photo, mask)


def test_without_a_hole_the_image_comes_back(photo, mask):
    completed = Inpainter(Constant(0.0))(photo, np.zeros_like(mask))
    assert (completed == photo).all()
    assert completed is not photo


def test_a_full_hole_is_filled(photo, mask):
    assert (Inpainter(Constant(1.0))(photo, np.full_like(mask, 255)) == 255).all()


def test_above_127_is_hole(photo, mask):
    inpainter = Inpainter(Constant(0.0))
    assert (
        inpainter(photo, np.where(mask > 0, 128, 127).astype(np.uint8)) == inpainter(photo, mask)
    ).all()


@pytest.mark.parametrize(
    ("change_image", "change_mask", "words"),
    [
        (
            lambda i: i / 255.0,
            lambda m: m,
            "image must be uint8",
        ),
        (lambda i: i[..., 0], lambda m: m, r"image must be uint8 \[H, W, 3\]"),
        (
            lambda i: i[..., :2],
            lambda m: m,
            "image must be uint8",
        ),
        (lambda i: i, lambda m: (m > 0).astype(float), "mask must be.*255 = hole.*got float64"),
        (lambda i: i, lambda m: (m > 0).astype(np.uint8), r"levels are 0 and 1.*mask > 0"),
        (Image.fromarray, lambda m: m, r"NumPy array.*got Image; .*asarray\(x.convert\('RGB'\)"),
        (lambda i: i, Image.fromarray, r"NumPy array.*got Image; .*asarray\(x.convert\('L'\)"),
        (lambda i: i.tolist(), lambda m: m, "NumPy array.*got list"),
        (lambda i: "photo.png", lambda m: m, "got str; to fill files, use `ppdeepfill predict`"),
        (lambda i: i, lambda m: Path("mask.png"), "got PosixPath; to fill files"),
        (lambda i: None, lambda m: m, "image must be a NumPy array.*got NoneType"),
        (lambda i: i, lambda m: None, "mask must be a NumPy array.*got NoneType"),
        (lambda i: i, lambda m: m[..., None], r"mask must be uint8 \[H, W\].*\[37, 45, 1\]"),
        (lambda i: i, lambda m: m[1:], r"same height and width.*\[37, 45\] and \[36, 45\]"),
        (lambda i: i[:0], lambda m: m[:0], "at least one pixel"),
    ],
)
def test_other_inputs_are_refused_with_what_is_expected(
    photo, mask, change_image, change_mask, words
):
    with pytest.raises(ValueError, match=words):
        Inpainter(Constant(0.0))(change_image(photo), change_mask(mask))


def test_a_bool_mask_is_taken(photo, mask):
    inpainter = Inpainter(Constant(0.0))
    np.testing.assert_array_equal(inpainter(photo, mask > 0), inpainter(photo, mask))
    batch = photo[None], (mask > 0)[None]
    np.testing.assert_array_equal(inpainter.fill_batch(*batch)[0], inpainter(photo, mask))


def test_a_batch_of_masks_of_0_and_1_is_refused(photo, mask):
    with pytest.raises(ValueError, match="mask > 0"):
        Inpainter(Constant(0.0)).fill_batch(photo[None], (mask > 0).astype(np.uint8)[None])


def test_a_checkpoint_gives_the_same_pictures(tmp_path, photo, mask):
    network = build_network("deepfill_v1", base_channels=4)
    options = {"base_channels": 4}
    save_best(tmp_path, Generator("deepfill_v1", options, 1, layer_arrays(network)))
    loaded = Inpainter.from_checkpoint(tmp_path)
    assert (loaded(photo, mask) == Inpainter(network)(photo, mask)).all()
    assert loaded.network.state_dict().keys() == network.state_dict().keys()


def test_inpainting_while_training_leaves_no_trace(photo, mask):
    network = build_network("deepfill_v1", base_channels=4)
    network.train()
    with inpainting(network) as inpainter:
        assert not network.training
        assert inpainter.predict(photo[None], mask[None]).refined.stop_gradient
    assert network.training
    assert all(not p.stop_gradient and p.grad is None for p in network.parameters())


def test_inpainting_leaves_the_limit_of_the_attention_to_the_inpainter(rng):
    network = build_network("deepfill_v1", base_channels=4)
    image = paddle.to_tensor(rng.uniform(-1, 1, [1, 3, 64, 64]).astype(np.float32))
    mask = paddle.ones([1, 1, 64, 64])
    pixels, hole = np.zeros([1, 64, 64, 3], np.uint8), np.full([1, 64, 64], 255, np.uint8)
    inpainter = Inpainter(network, attention_memory=150_000 / 2**30)
    assert inpainter.predict(pixels, hole).attention is None
    with paddle.no_grad():
        assert network(image, mask).attention is not None


def test_inpainting_restores_the_mode_of_each_layer_even_after_an_error():
    network = build_network("deepfill_v1", base_channels=4)
    network.train()
    network.coarse.eval()  # as when only the second stage is trained
    modes = [layer.training for layer in network.sublayers(include_self=True)]
    with pytest.raises(KeyError), inpainting(network) as inpainter:
        assert not any(x.training for x in inpainter.network.sublayers(include_self=True))
        raise KeyError
    assert [layer.training for layer in network.sublayers(include_self=True)] == modes


def test_a_result_does_not_depend_on_the_sizes_before(rng):
    inpainter = Inpainter(build_network("deepfill_v1", base_channels=4))
    images = {
        size: rng.integers(0, 256, [1, *size, 3], dtype=np.uint8)
        for size in [(128, 144), (144, 128), (136, 136)]
    }

    def refined(size) -> np.ndarray:
        hole = np.zeros([1, *size], np.uint8)
        hole[:, 40:80, 30:90] = 255
        return inpainter.predict(images[size], hole).refined.numpy()

    first = refined((128, 144))
    for size in images:
        refined(size)
    np.testing.assert_array_equal(refined((128, 144)), first)
    runs.give_back()
    np.testing.assert_array_equal(refined((128, 144)), first)


def test_the_first_use_in_a_session_prints_nothing(tmp_path):
    options = {"base_channels": 4}
    weights = layer_arrays(build_network("deepfill_v1", **options))
    save_best(tmp_path, Generator("deepfill_v1", options, 1, weights))
    program = (
        "import numpy as np; from ppdeepfill import Inpainter\n"
        f"fill = Inpainter.from_checkpoint({str(tmp_path)!r})\n"
        "fill(np.zeros([64, 64, 3], np.uint8), np.eye(64, dtype=bool))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # of another number, Paddle warns
    environment.pop("GLOG_minloglevel", None)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
