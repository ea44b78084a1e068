# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which checkpoint a path means."""

from pathlib import Path

import numpy as np
import pytest
from weight_files import bundles
from weight_files.bundles import write_bundle

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.paths import find_index

ARRAYS = {"w": np.ones(3, np.float32)}


@pytest.fixture
def two(tmp_path) -> Path:
    """A folder with the checkpoints snap-1 and snap-2.5 (the newest)."""
    for name in ("snap-1", "snap-2.5"):
        write_bundle(tmp_path / "run" / name, ARRAYS)
    return tmp_path / "run"


@pytest.mark.parametrize(
    "name", ["snap-1", "snap-1.index", "snap-1.data-00000-of-00001", "snap-1.meta"]
)
def test_any_file_of_a_checkpoint_means_it(two, name):
    assert find_index(two / name) == two / "snap-1.index"


def test_a_prefix_may_have_dots(two):
    assert find_index(two / "snap-2.5") == two / "snap-2.5.index"


@pytest.mark.parametrize("place", ["", "checkpoint"])
@pytest.mark.parametrize(
    "named",
    ["snap-1", "/home/someone/logs/full model/snap-1", r"C:\\logs\\snap-1", "../else/snap-1"],
)
def test_a_folder_means_the_one_its_state_file_names(two, named, place):
    text = f'model_checkpoint_path: "{named}"\nall_model_checkpoint_paths: "snap-2.5"\n'
    (two / "checkpoint").write_text(text)
    assert find_index(two / place) == two / "snap-1.index"


def test_a_folder_without_state_file_means_its_only_checkpoint(tmp_path):
    prefix = write_bundle(tmp_path / "snap-0", ARRAYS)
    (tmp_path / "checkpoint").unlink()
    assert find_index(tmp_path) == prefix.with_name("snap-0.index")


def test_of_several_the_choice_is_the_users(two):
    (two / "checkpoint").unlink()
    with pytest.raises(WeightsError, match=r"choose one: snap-1\.index, snap-2\.5\.index"):
        find_index(two)


@pytest.mark.parametrize(
    "text",
    ["", "no checkpoint", 'model_checkpoint_path: ""', 'model_checkpoint_path: "a/"', "\0\xff"],
)
def test_a_state_file_that_names_nothing_is_refused(two, text):
    (two / "checkpoint").write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match="names no checkpoint"):
        find_index(two)


@pytest.mark.parametrize("named", ["snap-3", ".", "..", "a" * 5000, "a\0b"])
def test_a_checkpoint_that_is_not_there_is_no_other(two, named):
    (two / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n')
    with pytest.raises(WeightsError):
        find_index(two)


def test_what_is_there_is_listed(two):
    with pytest.raises(WeightsError, match=r"there are snap-1\.index, snap-2\.5\.index"):
        find_index(two / "snap-9")


@pytest.mark.parametrize("name", ["", "missing/snap-0", "a" * 5000])
def test_a_place_without_checkpoint_is_refused(tmp_path, name):
    with pytest.raises(WeightsError):
        find_index(tmp_path / name)


def test_the_old_format_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "model.ckpt").write_bytes(bundles.table({b"": b"", b"w": b"1"}))
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt"\n')
    for path in (tmp_path, tmp_path / "model.ckpt"):
        with pytest.raises(WeightsError, match="old format V1.*Saver"):
            find_index(path)
