# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import io
import os
import pickle
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

from ppdeepfill.data import UnreadableImage, open_source
from ppdeepfill.data.archives import Archive
from ppdeepfill.data.zip_archive import ZipArchive
from ppdeepfill.errors import DataError


@pytest.fixture
def zipped(photos, tmp_path, make):
    return make.zip(photos, tmp_path / "photos.zip")


@pytest.fixture
def builds(monkeypatch):
    """Grows by one whenever an archive's directory is read."""
    calls = []
    build = Archive._build_index
    monkeypatch.setattr(
        Archive, "_build_index", lambda self, place: calls.append(1) or build(self, place)
    )
    return calls


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_index_is_kept_beside_the_archive_and_read_again(photos, tmp_path, make, builds, kind):
    path = getattr(make, kind)(photos, tmp_path / f"photos.{kind}")
    first = open_source(str(path))
    again = open_source(str(path))
    assert len(builds) == 1
    assert (tmp_path / f"photos.{kind}.index.npz").is_file()
    assert [first.name(i) for i in range(7)] == [again.name(i) for i in range(7)]
    for i in range(7):
        np.testing.assert_array_equal(first.read(i), again.read(i))


def test_nothing_is_unpacked(zipped, tmp_path):
    source = open_source(str(zipped))
    for i in range(len(source)):
        source.read(i)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "photos.zip",
        "photos.zip.index.npz",
    ]


def test_the_index_holds_no_pickled_objects_and_few_bytes_per_image(tmp_path, make):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2000):
            archive.writestr(f"data_large/category/{number:08d}.jpg", b"x")
    assert len(open_source(str(path))) == 2000
    index = tmp_path / "many.zip.index.npz"
    assert index.stat().st_size < 2000 * 70
    np.load(index, allow_pickle=False)["entries"]


def test_a_changed_archive_is_indexed_anew(photos, zipped, make, builds):
    assert len(open_source(str(zipped))) == 7
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr("zz.png", make.encoded(make.picture(9, 9), ".png"))
    assert len(open_source(str(zipped))) == 8
    assert len(builds) == 2


@pytest.mark.parametrize("content", [b"", b"no index", b"PK\x03\x04 broken"])
def test_a_damaged_index_is_made_anew(zipped, builds, content):
    open_source(str(zipped))
    index = zipped.with_name("photos.zip.index.npz")
    index.write_bytes(content)
    assert len(open_source(str(zipped))) == 7
    open_source(str(zipped))
    assert len(builds) == 2


def test_an_index_in_an_unknown_compression_is_made_anew(zipped, builds):
    open_source(str(zipped))
    index = zipped.with_name("photos.zip.index.npz")
    content = bytearray(index.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 10] = 77  # the method of the first array
    index.write_bytes(content)
    assert len(open_source(str(zipped))) == 7
    assert len(builds) == 2


def test_a_zip_with_a_nameless_entry_is_refused(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.png", b"")
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 28] = 0  # length of the name
    content[directory + 30] = 5  # and of the extra field
    path.write_bytes(content)
    with pytest.raises(DataError):
        open_source(str(path))


def test_a_cut_off_index_is_made_anew(zipped, builds):
    open_source(str(zipped))
    index = zipped.with_name("photos.zip.index.npz")
    index.write_bytes(index.read_bytes()[:-100])
    assert len(open_source(str(zipped))) == 7
    assert len(builds) == 2


def test_without_permission_the_index_goes_to_index_dir(zipped, tmp_path, builds):
    zipped.with_name("photos.zip.index.npz").mkdir()  # cannot be replaced by a file
    output = tmp_path / "output"
    open_source(str(zipped), index_dir=output)
    open_source(str(zipped), index_dir=output)
    assert len(builds) == 1
    assert len(list(output.iterdir())) == 1
    assert not list(tmp_path.glob(".*partial"))


def test_archives_of_one_name_do_not_share_an_index(photos, tmp_path, make):
    output = tmp_path / "output"
    names = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "photos.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{folder}.png", b"x")
        os.utime(path, (0, 0))
        path.with_name("photos.zip.index.npz").mkdir()
        names.append(open_source(str(path), index_dir=output).name(0))
    assert names == ["one.png", "two.png"]


def test_without_a_place_for_the_index_each_start_rebuilds_it(zipped, tmp_path, caplog):
    zipped.with_name("photos.zip.index.npz").mkdir()
    (tmp_path / "file").write_text("")
    source = open_source(str(zipped), index_dir=tmp_path / "file")
    assert source.read(0).shape[2] == 3
    assert "each start will rebuild it" in caplog.text


def test_a_source_works_in_a_copy_sent_to_another_process(zipped):
    source = open_source(str(zipped))
    expected = source.read(3)  # the file is open now
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(3), expected)


def test_reading_works_without_pread(zipped, monkeypatch):
    source = open_source(str(zipped))
    expected = source.read(3)
    monkeypatch.delattr(os, "pread")
    np.testing.assert_array_equal(source.read(3), expected)


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.8])
def test_a_cut_off_archive_is_an_error_that_asks_for_the_download(
    photos, tmp_path, make, kind, kept
):
    path = getattr(make, kind)(photos, tmp_path / f"photos.{kind}")
    os.truncate(path, int(path.stat().st_size * kept))
    with pytest.raises(DataError, match="not a readable|contains no"):
        open_source(str(path))


def test_a_tar_damaged_in_the_middle_is_an_error(photos, tmp_path, make):
    path = make.tar(photos, tmp_path / "photos.tar")
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[4].offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xaa" * 512)
    with pytest.raises(DataError, match=f"damaged header at byte {offset}"):
        open_source(str(path))


def test_a_tar_without_end_mark_is_read_with_a_warning(photos, tmp_path, make, caplog):
    path = make.tar(photos, tmp_path / "photos.tar")
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    os.truncate(path, last.offset_data + -(-last.size // 512) * 512)
    assert len(open_source(str(path))) == 7
    assert "no end mark" in caplog.text


@pytest.mark.parametrize(
    ("mode", "ending"), [("w:gz", ".tar.gz"), ("w:xz", ".tar"), ("w:bz2", ".tbz2")]
)
def test_a_compressed_tar_is_refused_with_advice(photos, tmp_path, make, mode, ending):
    path = make.tar(photos, tmp_path / f"photos{ending}", mode=mode)
    with pytest.raises(DataError, match="Decompress it once"):
        open_source(str(path))


def test_one_damaged_entry_is_named_and_the_others_are_read(zipped):
    source = open_source(str(zipped))
    offset = int(source._files.entries[2]["offset"])
    status = zipped.stat()
    with zipped.open("r+b") as file:
        file.seek(offset + 200)
        file.write(b"damage")
    os.utime(zipped, ns=(status.st_atime_ns, status.st_mtime_ns))
    source = open_source(str(zipped))
    with pytest.raises(UnreadableImage, match="wrong checksum") as caught:
        source.read(2)
    assert caught.value.name == source.name(2)
    assert source.read(3).shape[2] == 3


def test_an_archive_replaced_while_in_use_gives_unreadable_images(zipped):
    source = open_source(str(zipped))
    zipped.write_bytes(b"\x00" * 100)
    with pytest.raises(UnreadableImage, match="cut off or replaced"):
        source.read(0)


def test_unusual_compression_says_how_to_pack(photos, tmp_path, make):
    path = make.zip(photos, tmp_path / "a.zip", compression=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="7 of 7 images.*7 compressed with LZMA.*store or deflate"):
        open_source(str(path))


def encrypted(path, count):
    """The zip with a mark of encryption at its first entries."""
    pieces = path.read_bytes().split(b"PK\x01\x02")  # before each entry of the directory
    for number in range(1, 1 + count):
        piece = pieces[number]
        pieces[number] = piece[:4] + bytes([piece[4] | 1]) + piece[5:]
    path.write_bytes(b"PK\x01\x02".join(pieces))


def test_encrypted_entries_are_counted(zipped):
    total = len(zipped.read_bytes().split(b"PK\x01\x02")) - 1
    encrypted(zipped, total)
    for _ in range(2):
        with pytest.raises(DataError, match="7 of 7 images are left out: 7 encrypted"):
            open_source(str(zipped))


def test_some_encrypted_entries_are_told_at_every_start(tmp_path, make, caplog):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", make.encoded(make.picture(8, 8), ".png"))
    encrypted(path, 1)
    for _ in range(2):
        caplog.clear()
        source = open_source(str(path))
        assert [source.name(i) for i in range(len(source))] == ["1.png", "2.png"]
        assert "1 of 3 images are left out: 1 encrypted" in caplog.text


def test_a_folder_with_the_name_of_an_image_is_none(tmp_path, make):
    picture = make.encoded(make.picture(8, 8), ".png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.png/", b"")
        archive.writestr("x.png/1.png", picture)
    (tmp_path / "set" / "x.png").mkdir(parents=True)
    (tmp_path / "set" / "x.png" / "1.png").write_bytes(picture)
    make.tar(tmp_path / "set", tmp_path / "a.tar")
    for name in ("a.zip", "a.tar", "set"):
        source = open_source(str(tmp_path / name))
        assert [source.name(i) for i in range(len(source))] == ["x.png/1.png"]


def test_of_two_entries_with_one_name_the_later_one_counts(tmp_path, make):
    path = tmp_path / "a.tar"
    for number, mode in enumerate(("w", "a")):
        (tmp_path / "1.png").write_bytes(make.encoded(make.picture(8 + number, 8), ".png"))
        with tarfile.open(path, mode) as archive:
            archive.add(tmp_path / "1.png", "1.png")
    source = open_source(str(path))
    assert len(source) == 1 and source.read(0).shape == (9, 8, 3)


def test_joined_tars_are_read_to_the_end(photos, tmp_path, make, caplog):
    parts = []
    for number in range(3):
        part = tmp_path / f"{number}"
        part.mkdir()
        (part / f"{number}.png").write_bytes(make.encoded(make.picture(8 + number, 8), ".png"))
        parts.append(make.tar(part, tmp_path / f"{number}.tar").read_bytes())
    path = tmp_path / "joined.tar"
    path.write_bytes(b"".join(parts))
    source = open_source(str(path))
    assert [source.read(i).shape for i in range(len(source))] == [(8 + i, 8, 3) for i in range(3)]
    path.write_bytes(parts[0] + b"no tar " * 100)
    assert len(open_source(str(path))) == 1
    assert "ignored 700 bytes after its end" in caplog.text


def test_joined_zips_are_told(tmp_path, make, caplog):
    contents = []
    for number in range(2):
        with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
            archive.writestr(f"{number}.png", make.encoded(make.picture(8, 8), ".png"))
        contents.append((tmp_path / "one.zip").read_bytes())
    (tmp_path / "joined.zip").write_bytes(b"".join(contents))
    source = open_source(str(tmp_path / "joined.zip"))
    assert source.name(0) == "1.png" and source.read(0).shape == (8, 8, 3)
    assert f"{len(contents[0])} bytes before its first entry" in caplog.text


def test_links_in_a_tar_are_followed_and_dead_ones_counted(tmp_path, make, caplog):
    folder = tmp_path / "set"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(make.encoded(make.picture(9, 8), ".png"))
    os.link(folder / "a" / "1.png", folder / "hard.png")
    (folder / "soft.png").symlink_to("a/1.png")
    (folder / "a" / "up.png").symlink_to("../soft.png")
    (folder / "dead.png").symlink_to("gone.png")
    (folder / "round.png").symlink_to("round.png")
    source = open_source(str(make.tar(folder, tmp_path / "a.tar")))
    names = [source.name(i) for i in range(len(source))]
    assert names == ["a/1.png", "a/up.png", "hard.png", "soft.png"]
    assert {source.read(i).shape for i in range(4)} == {(9, 8, 3)}
    assert "2 of 6 images are left out: 2 links to files outside the archive" in caplog.text


def test_sparse_members_are_counted(tmp_path, make, caplog):
    path = tmp_path / "a.tar"
    picture = make.encoded(make.picture(9, 8), ".png")
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, headers in (("1.png", {}), ("2.png", {"GNU.sparse.major": "0"})):
            info = tarfile.TarInfo(name)
            info.size = len(picture)
            if headers:
                info.pax_headers = {"GNU.sparse.size": "999", "GNU.sparse.map": "0,10"}
            archive.addfile(info, io.BytesIO(picture))
    assert len(open_source(str(path))) == 1
    assert "1 of 2 images are left out: 1 stored as sparse files" in caplog.text


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_in_a_tar_survive(tmp_path, make, form):
    picture = make.encoded(make.picture(9, 8), ".png")
    name = "ordner/" * 30 + "größe 日本.png"
    info = tarfile.TarInfo(name)
    info.size = len(picture)
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        archive.addfile(info, io.BytesIO(picture))
    source = open_source(str(tmp_path / "a.tar"))
    assert source.name(0) == name and source.read(0).shape == (9, 8, 3)


def test_zip64_and_data_descriptors_are_read(tmp_path, make):
    picture = make.encoded(make.picture(9, 8), ".png")

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise OSError

    content = Pipe()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("1.png", "w", force_zip64=True) as file:
            file.write(picture)
    (tmp_path / "a.zip").write_bytes(content.getvalue())
    np.testing.assert_array_equal(open_source(str(tmp_path / "a.zip")).read(0), make.picture(9, 8))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_of_archives_says_so(tmp_path, make, kind):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "part1.zip").write_bytes(b"PK")
    path = getattr(make, kind)(tmp_path / "set", tmp_path / f"a.{kind}")
    with pytest.raises(DataError, match=r"contains no images.*the archive part1\.zip: unpack"):
        open_source(str(path))


def test_names_that_are_not_ascii_survive(tmp_path, make):
    path = tmp_path / "中文.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("图片/猫 1.png", make.encoded(make.picture(8, 8), ".png"))
    for _ in range(2):  # fresh, then from the index
        source = open_source(str(path))
        assert source.name(0) == "图片/猫 1.png"
        assert source.read(0).shape == (8, 8, 3)


def test_an_archive_with_something_in_front_is_read(zipped):
    zipped.write_bytes(b"#!/bin/sh self-extracting\n" + zipped.read_bytes())
    assert open_source(str(zipped)).read(0).shape[2] == 3


def test_the_handle_is_closed_with_the_archive(zipped):
    archive = ZipArchive(zipped)
    archive.read_bytes(0)
    handle = archive._handle
    del archive
    with pytest.raises(OSError):
        os.fstat(handle)
    shutil.rmtree(zipped.parent)
