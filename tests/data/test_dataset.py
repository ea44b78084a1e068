# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ppdeepfill.data import UnreadableImage
from ppdeepfill.data.decoding import decode_image
from ppdeepfill.errors import DataError


def assert_same(first, second):
    for left, right in zip(first, second, strict=True):
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right


@pytest.mark.parametrize("kind", ["rectangle", "center", "free_form"])
def test_a_sample_is_a_function_of_seed_and_number_alone(make_dataset, kind):
    one, other = make_dataset(kind=kind), make_dataset(kind=kind)
    expected = [one[n % 7, n, 0] for n in range(12)]
    for n in reversed(range(12)):  # another order, and another batch number
        assert_same(other[n % 7, n, 99], expected[n])


def test_another_seed_or_number_gives_another_sample(make_dataset):
    dataset = make_dataset()
    base = dataset[3, 0, 0]
    assert not all(np.array_equal(base.image, dataset[3, n, 0].image) for n in range(1, 8))
    assert not all(np.array_equal(base.mask, dataset[3, n, 0].mask) for n in range(1, 8))
    assert not np.array_equal(base.mask, make_dataset(seed=6)[3, 0, 0].mask)


def test_a_shared_mask_is_one_per_batch(make_dataset):
    dataset = make_dataset(shared=True)
    masks = [dataset[n, n, 4].mask for n in range(7)]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)
    assert any(not np.array_equal(dataset[0, 0, n].mask, masks[0]) for n in range(5, 9))


@pytest.mark.parametrize("random_crop", [True, False])
@pytest.mark.parametrize("image_size", [32, [24, 80], [72, 40]])
def test_every_sample_has_the_image_size(make_dataset, random_crop, image_size):
    dataset = make_dataset(image_size=image_size, random_crop=random_crop)
    height, width = dataset.image_size
    for n in range(14):
        sample = dataset[n % 7, n, 0]
        assert sample.image.shape == (height, width, 3) and sample.image.dtype == np.uint8
        assert sample.mask.shape == (height, width) and sample.mask.dtype == np.uint8
        assert sample.number == n and sample.skipped == {}


def test_larger_windows_are_shrunk_by_area(tmp_path, make_dataset, make):
    """A ramp: the step from pixel to pixel tells how large the window was."""
    ramp = np.tile(np.arange(0, 192, 2, dtype=np.uint8)[:, None], [1, 96])
    (tmp_path / "a.png").write_bytes(make.encoded(np.stack([ramp] * 3, axis=2), ".png"))
    dataset = make_dataset(tmp_path, max_crop_scale=2.5)
    steps = []
    for n in range(60):
        column = dataset[0, n, 0].image[:, 0, 0].astype(float)
        assert column.shape == (32,)
        steps.append(np.polyfit(np.arange(32), column, 1)[0] / 2)
    assert 1.0 <= min(steps) < 1.2 and 2.3 < max(steps) <= 2.55
    flat = make_dataset(tmp_path, max_crop_scale=1.0)[0, 0, 0].image[:, 0, 0].astype(int)
    assert set(np.diff(flat)) == {2}


def test_windows_are_never_larger_than_the_image(make_dataset):
    dataset = make_dataset(max_crop_scale=9.0)
    for n in range(14):  # one of the seven photos is smaller than a sample
        assert dataset[n % 7, n, 0].image.shape == (32, 32, 3)


def test_validation_takes_the_same_window_at_any_scale(make_dataset):
    assert_same(
        make_dataset(max_crop_scale=2.0).validation_sample(1), make_dataset().validation_sample(1)
    )


def test_random_crops_are_windows_of_the_image_at_all_places(make_dataset, tmp_path, make):
    rows, columns = np.mgrid[:36, :38]  # the pixels tell their place
    image = np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(make.encoded(image, ".png"))
    dataset = make_dataset(tmp_path)
    seen, mirrored = set(), 0
    for n in range(600):
        window = dataset[0, n, 0].image
        if window[0, 0, 1] > window[0, 1, 1]:
            window, mirrored = window[:, ::-1], mirrored + 1
        top, left = window[0, 0, :2].tolist()
        np.testing.assert_array_equal(window, image[top : top + 32, left : left + 32])
        seen.add((top, left))
    assert seen == {(top, left) for top in range(5) for left in range(7)}
    assert 240 < mirrored < 360  # half, within 5 standard deviations


def test_without_flip_nothing_is_mirrored(make_dataset, tmp_path, make):
    image = np.tile(np.arange(32, dtype=np.uint8)[None, :, None], (32, 1, 3))
    (tmp_path / "a.png").write_bytes(make.encoded(image, ".png"))
    dataset = make_dataset(tmp_path, horizontal_flip=False)
    for n in range(20):
        np.testing.assert_array_equal(dataset[0, n, 0].image, image)


def test_a_small_image_is_enlarged_just_enough(make_dataset, tmp_path, make):
    image = make.picture(16, 24)
    (tmp_path / "a.png").write_bytes(make.encoded(image, ".png"))
    dataset = make_dataset(tmp_path, horizontal_flip=False)
    enlarged = cv2.resize(image, (48, 32), interpolation=cv2.INTER_LINEAR)
    for n in range(20):
        window = dataset[0, n, 0].image
        lefts = [x for x in range(17) if np.array_equal(window, enlarged[:, x : x + 32])]
        assert lefts


def test_without_random_crop_the_whole_image_is_resized(make_dataset, tmp_path, make):
    image = make.picture(50, 90)
    (tmp_path / "a.png").write_bytes(make.encoded(image, ".png"))
    dataset = make_dataset(tmp_path, random_crop=False, horizontal_flip=False)
    np.testing.assert_array_equal(
        dataset[0, 0, 0].image, cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR)
    )


def test_a_large_jpeg_is_reduced_only_where_it_is_resized_and_that_is_wished(
    make_dataset, tmp_path, make
):
    jpeg = make.encoded(make.picture(128, 140), ".jpg")
    (tmp_path / "a.jpg").write_bytes(jpeg)
    for reduced_decoding in (True, False):
        options = {"reduced_decoding": reduced_decoding, "horizontal_flip": False}
        stored = decode_image(jpeg, at_least=(32, 32) if reduced_decoding else None)
        assert stored.shape[0] == (32 if reduced_decoding else 128)
        dataset = make_dataset(tmp_path, random_crop=False, **options)
        for sample in (dataset[0, 0, 0], dataset.validation_sample(0)):
            np.testing.assert_array_equal(sample.image, cv2.resize(stored, (32, 32)))
        window = make_dataset(tmp_path, random_crop=True, **options).validation_sample(0).image
        np.testing.assert_array_equal(window, decode_image(jpeg)[48:80, 54:86])


def test_an_unreadable_image_is_replaced_and_named(make_dataset, tmp_path, make):
    folder = make.folder(tmp_path)
    (folder / "a" / "photo0.jpg").write_bytes(b"")
    (folder / "photo2.jpeg").write_bytes(b"not an image")
    dataset = make_dataset(folder)
    bad = {i for i in range(7) if dataset.source.name(i) in ("a/photo0.jpg", "photo2.jpeg")}
    for n in range(21):
        sample = dataset[n % 7, n, 0]
        assert sample.image.shape == (32, 32, 3)
        assert (dataset.source.name(n % 7) in sample.skipped) == (n % 7 in bad)
        assert_same(sample, dataset[n % 7, n, 0])
    reasons = {k: v for n in range(7) for k, v in dataset[n, n, 0].skipped.items()}
    assert "0 bytes" in reasons["a/photo0.jpg"] and "not an image" in reasons["photo2.jpeg"]


def test_images_that_are_all_unreadable_end_with_an_example(make_dataset, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"100 images drawn in a row .*'a\.jpg': the file is empty"):
        make_dataset(tmp_path)[0, 0, 0]


def test_impossible_settings_are_refused_before_loading(make_dataset):
    with pytest.raises(ValueError, match="mask.size"):
        make_dataset(image_size=[32, 8])
    with pytest.raises(ValueError, match="mask.kind"):
        make_dataset(kind="circle")


@pytest.mark.parametrize("random_crop", [True, False])
def test_a_validation_sample_is_cut_as_in_training_with_window_and_hole_centred(
    make_dataset, tmp_path, make, random_crop
):
    image = make.picture(64, 96)
    (tmp_path / "a.png").write_bytes(make.encoded(image, ".png"))
    dataset = make_dataset(tmp_path, kind="free_form", random_crop=random_crop)
    sample = dataset.validation_sample(0)
    resized = cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR)
    expected = image[16:48, 32:64] if random_crop else resized
    np.testing.assert_array_equal(sample.image, expected)
    assert sample.bbox == (8, 8, 16, 16)
    assert sample.mask.sum() == 256 and sample.mask[8:24, 8:24].all()


def test_validation_samples_need_no_randomness(make_dataset):
    one, other = make_dataset(seed=1), make_dataset(seed=2, shared=True)
    for i in range(7):
        assert_same(one.validation_sample(i), other.validation_sample(i))


def test_an_unreadable_validation_image_is_not_replaced(make_dataset, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(UnreadableImage, match="a.jpg"):
        make_dataset(tmp_path).validation_sample(0)
