# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import errno
import os
import pickle
import unicodedata
import zipfile

import numpy as np
import pytest

from ppdeepfill.data import UnreadableImage, open_source
from ppdeepfill.errors import DataError


def spec_of(kind, photos, folder, make):
    """The seven photos, in the order of their names, as another kind of source."""
    names = [path.relative_to(photos).as_posix() for path in sorted(photos.rglob("photo?.*"))]
    names = sorted(name for name in names if "__MACOSX" not in name)
    if kind == "folder":
        return photos
    if kind == "zip":
        return make.zip(photos, folder / "photos.zip")
    if kind == "deflated zip":
        return make.zip(photos, folder / "photos.ZIP", compression=zipfile.ZIP_DEFLATED)
    if kind == "tar":
        return make.tar(photos, folder / "photos.tar")
    path = folder / ("photos.txt" if kind == "two columns" else "photos.flist")
    if kind == "absolute list":
        lines = [str(photos / name) for name in names]
    elif kind == "two columns":
        lines = [f"{photos / name} masks/{name}" for name in names]
    else:
        (folder / "linked").symlink_to(photos)
        lines = [f"linked/{name}" for name in names]
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "kind", ["zip", "deflated zip", "tar", "absolute list", "relative list", "two columns"]
)
def test_all_sources_give_the_pixels_of_the_folder_in_its_order(photos, tmp_path, make, kind):
    expected = open_source(str(photos))
    source = open_source(str(spec_of(kind, photos, tmp_path, make)))
    assert len(source) == len(expected) == 7
    for i in range(7):
        assert source.name(i).split("/")[-1].startswith(expected.name(i).split("/")[-1])
        np.testing.assert_array_equal(source.read(i), expected.read(i))


def test_a_folder_is_searched_at_any_depth_without_hidden_files(photos):
    source = open_source(str(photos))
    names = [source.name(i) for i in range(len(source))]
    assert names == sorted(names)
    assert "b/deep/photo1.PNG" in names and "a/photo0.jpg" in names
    assert not any("hidden" in name or "__MACOSX" in name or ".cache" in name for name in names)


def test_links_in_a_folder_are_followed_and_a_circle_ends(tmp_path, make):
    folder = make.folder(tmp_path / "real")
    (folder / "b" / "up").symlink_to(folder)
    assert len(open_source(str(folder))) == 7
    collection = tmp_path / "collection"
    collection.mkdir()
    (collection / "part").symlink_to(folder)
    assert len(open_source(str(collection))) == 7


def test_a_hidden_parent_folder_does_not_hide_its_photos(tmp_path, make):
    assert len(open_source(str(make.folder(tmp_path / ".store" / "set")))) == 7


def test_list_paths_may_be_relative_to_the_current_folder(tmp_path, make, monkeypatch):
    make.folder(tmp_path / "set")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "train.flist").write_text("set/a/photo0.jpg\n")
    monkeypatch.chdir(tmp_path)
    assert open_source("lists/train.flist").read(0).shape == (40, 56, 3)


def test_list_paths_may_hold_spaces(tmp_path, make):
    picture = make.encoded(make.picture(8, 9), ".png")
    (tmp_path / "my photo 1.png").write_bytes(picture)
    (tmp_path / "my.txt").write_text("my photo 1.png\n")
    assert open_source(str(tmp_path / "my.txt")).read(0).shape == (8, 9, 3)
    (tmp_path / "tab.txt").write_text("my photo 1.png\tmasks/1.png\n")
    assert open_source(str(tmp_path / "tab.txt")).read(0).shape == (8, 9, 3)


@pytest.fixture
def listed(tmp_path, make, monkeypatch):
    """Writes a list beside three images, and returns its source."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "sub dir"
    folder.mkdir(parents=True)
    for number, name in enumerate(("a 1", "猫", "größe")):
        (folder / f"{name}.png").write_bytes(make.encoded(make.picture(8 + number, 9), ".png"))

    def listed(text: str, encoding: str = "utf-8"):
        path = tmp_path / "data" / "list.txt"
        path.write_bytes(text.encode(encoding))
        return open_source(str(path))

    return listed


def heights(source) -> list[int]:
    return [source.read(number).shape[0] for number in range(len(source))]


THREE = "sub dir/a 1.png{end}sub dir/猫.png{end}sub dir/größe.png{end}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", " \n"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]
)
def test_a_list_is_read_in_the_encodings_and_line_ends_of_all_systems(listed, end, encoding):
    text = THREE.format(end=end)
    assert heights(listed(text, encoding)) == [8, 9, 10]


@pytest.mark.parametrize(
    ("line", "encoding"),
    [
        ("sub dir\\größe.png", "cp1252"),
        ("sub dir\\猫.png", "cp932"),
        ('"sub dir\\größe.png"', "utf-8"),
        ("'sub dir/größe.png'", "utf-8"),
        ('"sub dir/größe.png" "masks/1.png"', "utf-8"),
        (r".\sub dir\größe.png", "utf-16"),
        (unicodedata.normalize("NFD", "sub dir/größe.png"), "utf-8"),
        ("sub dir/größe.png\t0", "gb18030"),
    ],
)
def test_a_path_is_understood_as_other_systems_write_it(listed, line, encoding):
    assert heights(listed(f"{line}\r\n", encoding)) == [9 if "猫" in line else 10]


def test_comments_and_empty_lines_are_no_images(listed, tmp_path, make):
    assert heights(listed("# my list\n\n   \nsub dir/a 1.png\n#end")) == [8]
    (tmp_path / "data" / "#1.png").write_bytes(make.encoded(make.picture(5, 9), ".png"))
    assert heights(listed("# my list\n#1.png")) == [5]


def test_missing_images_of_a_list_are_counted(listed, caplog):
    assert len(listed("sub dir/a 1.png\ngone.png\nsub dir/gone.png\n")) == 3
    assert "2 of 3 images checked in" in caplog.text and "'gone.png'" in caplog.text


def test_a_place_is_named_once(listed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path / "data")
    with pytest.raises(DataError, match="read as utf-8") as caught:
        listed("gone.png")
    assert str(caught.value).count("gone.png") == 1


@pytest.mark.parametrize(
    "line", ["x" * 5000, "a\0b.png", '"', "''", "sub dir", "\t", "C:\\a.png", "ü\0/a", "ü" * 999]
)
def test_a_line_that_is_no_path_is_an_unreadable_image(listed, line):
    source = listed(f"sub dir/a 1.png\n{line}\n")
    for number in range(1, len(source)):
        with pytest.raises(UnreadableImage):
            source.read(number)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zero.jpg", b""),
        ("text.jpg", b"not an image"),
        ("cut.jpg", None),
    ],
)
def test_an_unreadable_image_is_named_with_a_reason(tmp_path, make, name, content):
    if content is None:
        content = make.encoded(make.picture(64, 64), ".jpg")[:-50]
    (tmp_path / name).write_bytes(content)
    source = open_source(str(tmp_path))
    with pytest.raises(UnreadableImage) as caught:
        source.read(0)
    assert caught.value.name == name and caught.value.reason
    assert name in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.name, again.reason) == (name, caught.value.reason)


def test_a_missing_line_of_a_list_is_an_unreadable_image(photos, tmp_path):
    (tmp_path / "a.txt").write_text(f"{photos}/a/photo0.jpg\n{photos}/gone.jpg\n")
    source = open_source(str(tmp_path / "a.txt"))
    assert source.read(0).shape == (40, 56, 3)
    with pytest.raises(UnreadableImage, match=r"gone\.jpg"):
        source.read(1)


def test_a_missing_source_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such file or folder") as caught:
        open_source("data/places2")
    assert str(tmp_path / "data" / "places2") in str(caught.value)
    assert ".zip" in str(caught.value) and "bundled:train" in str(caught.value)


def test_an_empty_folder_says_what_was_looked_for_and_points_to_an_archive(tmp_path):
    with pytest.raises(DataError, match=r"\.jpeg \.jpg \.mpo \.png"):
        open_source(str(tmp_path))
    (tmp_path / "train.zip").write_bytes(b"")
    with pytest.raises(DataError, match=r"archive train\.zip"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("name", ["list.flist", "photos.zip", "photos.tar"])
def test_a_source_without_images_is_an_error(tmp_path, make, name):
    path = tmp_path / name
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "readme.md").write_text("")
    if name.endswith("flist"):
        path.write_text("\n\n")
    else:
        {"photos.zip": make.zip, "photos.tar": make.tar}[name](empty, path)
    with pytest.raises(DataError, match="contains no"):
        open_source(str(path))


def test_a_list_of_missing_files_shows_the_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "a.flist").write_text("x/1.jpg\nx/2.jpg\n")
    with pytest.raises(DataError, match="none of the 2 images checked") as caught:
        open_source("lists/a.flist")
    for place in ("lists/x/1.jpg", "x/1.jpg"):
        assert f"\n  {tmp_path / place}" in str(caught.value)


def test_another_kind_of_file_is_refused_with_the_known_kinds(tmp_path):
    (tmp_path / "photos.rar").write_bytes(b"")
    with pytest.raises(DataError, match=r"uncompressed \.tar"):
        open_source(str(tmp_path / "photos.rar"))


def test_bundled_photos_are_colour_photos_and_the_parts_are_apart():
    parts = {}
    for part in ("train", "validation"):
        source = open_source(f"bundled:{part}")
        parts[part] = {source.name(i) for i in range(len(source))}
        for i in range(len(source)):
            image = source.read(i)
            assert min(image.shape[:2]) >= 256
            assert np.ptp(image.astype(int), axis=2).max() > 20
    assert len(parts["train"]) == 8 and len(parts["validation"]) == 3
    assert not parts["train"] & parts["validation"]


def test_unknown_bundled_photos_list_the_known_ones():
    with pytest.raises(DataError, match="bundled:train or bundled:validation"):
        open_source("bundled:test")


def test_missing_wheels_of_bundled_photos_say_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scikit-image scikit-learn"):
        open_source("bundled:train")


def test_an_unreadable_folder_is_skipped_and_named(photos, monkeypatch, caplog):
    scan = os.scandir

    def locked(path):
        if str(path).endswith("deep"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert len(open_source(str(photos))) == 5
    assert "deep': Permission denied" in caplog.text
