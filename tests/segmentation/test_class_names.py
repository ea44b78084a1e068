# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from ppdeepfill.errors import ConfigError, DataError
from ppdeepfill.segmentation.class_names import KNOWN, class_numbers, name_of, read_names

NAMES = ["sky", "Traffic light", "", "person"]


def test_classes_are_found_by_name_and_number():
    assert class_numbers(["traffic_LIGHT", "0", " person"], NAMES, 4) == [1, 0, 3]
    assert [name_of(number, NAMES) for number in (1, 2, 9)] == [
        "Traffic light",
        "class 2",
        "class 9",
    ]


@pytest.mark.parametrize(
    ("wanted", "names", "message"),
    [
        ("preson", NAMES, "unknown class 'preson', did you mean person"),
        ("4", NAMES, "the classes 0 to 3; got 4"),
        ("-1", NAMES, "unknown class '-1'"),
        ("person", [], "names of the classes are not known; give a number from 0 to 3, or pass --"),
    ],
)
def test_an_unknown_class_is_explained(wanted, names, message):
    with pytest.raises(ConfigError, match=message):
        class_numbers([wanted], names, 4)


def test_a_name_beyond_the_classes_of_the_model_is_unknown():
    with pytest.raises(ConfigError, match="unknown class 'person'"):
        class_numbers(["person"], NAMES, 3)


def test_names_come_from_a_file_the_data_or_what_is_known(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("\ufeffsky\n person \n", encoding="utf-8")
    root = tmp_path / "data"
    root.mkdir()
    dataset = {"type": "Cityscapes", "dataset_root": str(root)}
    assert read_names(file, dataset) == ["sky", "person"]
    assert read_names(None, dataset)[11] == "person"
    (root / "labels.txt").write_text("a\nb\n", encoding="utf-8")
    assert read_names(None, dataset) == ["a", "b"]
    assert read_names(None, {"type": "Dataset"}) == []
    with pytest.raises(DataError, match="--seg_labels: .*nowhere"):
        read_names(tmp_path / "nowhere", dataset)


def test_known_names_are_as_many_as_paddleseg_has_classes():
    datasets = pytest.importorskip("paddleseg.datasets", reason="the extra seg is not installed")
    for name, names in KNOWN.items():
        assert len(names) == getattr(datasets, name).NUM_CLASSES
