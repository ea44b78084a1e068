# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One set of files through `ppdeepfill predict` and deploy/python/infer.py: the same pixels.

Differences that are meant stand in docs/deployment.md, and here by name.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from image_files import FILES, HOLE
from numpy import ndarray
from PIL import Image

from ppdeepfill.cli import main
from ppdeepfill.photos import read_photo

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "python" / "infer.py"
READ = [name for name, (_, right) in FILES.items() if isinstance(right, ndarray)]
# Read by the package alone: 16 bits in layouts that Pillow does not know.
NOT_BY_INFER = {
    "rgb16_key.png",
    "rgb16_planar.tif",
    "rgb16_planar_tiles.tif",
    "rgba16_planar.tif",
    "rgba16_planar_tiles.tif",
    "white_is_zero16.tif",
}


@pytest.fixture(scope="module")
def infer():
    spec = importlib.util.spec_from_file_location("infer", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(infer, tmp_path_factory, exported_run) -> tuple[Path, Path]:
    """The folders of results of both."""
    place = tmp_path_factory.mktemp("same")
    run, exported = exported_run
    (place / "images").mkdir()
    for name, (content, _) in FILES.items():
        path = place / "images" / name.replace(".", "_", name.count(".") - 1)
        # infer.py names results by stem, so that the ending has to be part of it
        path.with_name(f"{path.stem}_{path.suffix[1:]}{path.suffix}").write_bytes(content)
    Image.fromarray(HOLE * np.uint8(255)).save(place / "mask.png")
    paths = ["--image_path", str(place / "images"), "--mask_path", str(place / "mask.png")]
    flags = ["--save_dir", str(place / "predict"), "--device=cpu", "--format=png"]
    assert main(["predict", *paths, "--model_path", str(run), *flags]) == 0
    flags = ["--config", str(exported), "--save_dir", str(place / "infer"), "--batch_size=4"]
    assert infer.main([*paths, *flags, "--cpu_threads=1"]) == 2  # some are refused
    return place / "predict", place / "infer"


def result_of(folder: Path, name: str) -> Path:
    path = Path(name.replace(".", "_", name.count(".") - 1))
    return folder / f"{path.stem}_{path.suffix[1:]}.png"


@pytest.mark.parametrize("name", FILES)
def test_both_fill_or_refuse_a_file(results, name):
    ours, theirs = (result_of(folder, name) for folder in results)
    right = FILES[name][1]
    assert ours.exists() == isinstance(right, ndarray)
    assert theirs.exists() == (ours.exists() and name not in NOT_BY_INFER)


@pytest.mark.parametrize(
    "name", [n for n, (_, right) in FILES.items() if isinstance(right, ndarray)]
)
def test_both_give_the_same_pixels(results, name):
    ours, theirs = (result_of(folder, name) for folder in results)
    if name in NOT_BY_INFER:
        pytest.skip("refused by infer.py, as docs/deployment.md says")
    expected, found = read_photo(ours).pixels, read_photo(theirs).pixels
    right = FILES[name][1]
    np.testing.assert_array_equal(expected[~HOLE], right[~HOLE])
    assert found.dtype == np.uint8 and found.shape == expected.shape
    if expected.dtype == np.uint16:  # infer.py keeps 8 bits
        difference = np.abs(expected[~HOLE] / 257 - found[~HOLE])
        assert difference.max() <= 1
        expected = np.rint(expected / 257).astype(np.uint8)
    else:
        np.testing.assert_array_equal(found[~HOLE], expected[~HOLE])
    # Other kernels, sums in another order; of 16 bits the network also sees another rounding.
    assert np.abs(found.astype(int) - expected)[HOLE].max() <= 3


MASKS = {
    "white": (HOLE * np.uint8(255), True),
    "levels": (np.where(HOLE, np.uint8(128), np.uint8(127)), True),
    "zero_one": (HOLE * np.uint8(1), False),
    "black": (HOLE * np.uint8(0), False),
    "full": (np.full(HOLE.shape, 255, np.uint8), False),
    "red": (HOLE[..., None] * np.uint8([255, 0, 0]), False),
    "green": (HOLE[..., None] * np.uint8([0, 255, 0]), True),
    "layer": (np.dstack([np.full((*HOLE.shape, 3), 255), HOLE * 255]).astype(np.uint8), True),
    "black_layer": (np.dstack([np.zeros((*HOLE.shape, 3)), HOLE * 255]).astype(np.uint8), False),
    "grey_layer": (np.dstack([np.full(HOLE.shape, 255), HOLE * 255]).astype(np.uint8), True),
    "deep": (HOLE * np.uint16(65535), True),
    "deep_zero_one": (HOLE * np.uint16(1), False),
    "one_bit": (HOLE, True),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_means_the_same_to_both(infer, tmp_path, name):
    from ppdeepfill.errors import DataError
    from ppdeepfill.photos import HoleRule, find_hole

    mask, usable = MASKS[name]
    paths = tmp_path / "photo.png", tmp_path / "mask.png"
    Image.fromarray(np.zeros((*HOLE.shape, 3), np.uint8)).save(paths[0])
    Image.fromarray(mask).save(paths[1])
    job = infer.Job(*paths, tmp_path / "out.png")
    any_size = infer.Limits([-1, 3, -1, -1], bytes_per_pixel_pair=0.0)
    if usable:
        np.testing.assert_array_equal(infer.read_sample(job, any_size).hole, HOLE)
        np.testing.assert_array_equal(find_hole(read_photo(paths[0]), *paths, HoleRule()), HOLE)
        return
    with pytest.raises(infer.UserError, match="hole") as theirs:
        infer.read_sample(job, any_size)
    with pytest.raises(DataError, match="hole") as ours:
        find_hole(read_photo(paths[0]), *paths, HoleRule())
    shared = str(theirs.value).removeprefix(f"{paths[1]}: ")
    assert name == "full" or shared in str(ours.value)
