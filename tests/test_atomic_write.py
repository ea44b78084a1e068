# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppdeepfill.atomic_write import (
    check_writable,
    files_written_whole,
    remove_leftovers,
    sole_use,
    written_whole,
)
from ppdeepfill.errors import OutputError

ROOT = Path(__file__).resolve().parents[1]


def write_folder(target, text):
    with written_whole(target) as partial:
        partial.mkdir()
        (partial / "file").write_text(text)


def test_a_file_replaces_the_one_before(tmp_path):
    for text in ("old", "new"):
        with written_whole(tmp_path / "sub" / "file") as partial:
            partial.write_text(text)
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["file"]
    assert (tmp_path / "sub" / "file").read_text() == "new"


def test_a_folder_replaces_the_one_before(tmp_path):
    write_folder(tmp_path / "folder", "old")
    write_folder(tmp_path / "folder", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "new"


def test_nothing_appears_before_all_is_written(tmp_path):
    with written_whole(tmp_path / "folder") as partial:
        partial.mkdir()
        assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(tmp_path, problem):
    write_folder(tmp_path / "folder", "old")
    with pytest.raises(type(problem)), written_whole(tmp_path / "folder") as partial:
        partial.mkdir()
        (partial / "file").write_text("half")
        raise problem
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "old"


def test_names_are_given_after_the_content_is_on_disk(tmp_path, monkeypatch):
    events = []
    fsync, rename = os.fsync, type(tmp_path).replace
    monkeypatch.setattr(os, "fsync", lambda handle: events.append("sync") or fsync(handle))
    monkeypatch.setattr(
        type(tmp_path), "replace", lambda a, b: events.append("name") or rename(a, b)
    )
    with written_whole(tmp_path / "file") as partial:
        partial.write_text("text")
    assert events == ["sync", "name", "sync"]


def test_leftovers_of_a_killed_process_go(tmp_path):
    (tmp_path / ".partial-folder").mkdir()
    (tmp_path / ".partial-folder" / "file").write_text("half")
    (tmp_path / ".partial-file").write_text("half")
    (tmp_path / "kept").write_text("whole")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "absent")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def write_files(folder, texts):
    with files_written_whole(folder, last="index") as partial:
        for name, text in texts.items():
            (partial / name).write_text(text)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_files_join_a_folder_and_replace_their_older_versions(tmp_path):
    write_files(tmp_path / "new", {"index": "1", "a": "1"})
    assert contents(tmp_path / "new") == {"index": "1", "a": "1"}
    (tmp_path / "new" / "other").write_text("stays")
    write_files(tmp_path / "new", {"index": "2", "b": "2"})
    assert contents(tmp_path / "new") == {"index": "2", "a": "1", "b": "2", "other": "stays"}


@pytest.mark.parametrize("exists", [False, True])
def test_files_that_fail_leave_what_was_there(tmp_path, exists):
    folder = tmp_path / "folder"
    if exists:
        write_files(folder, {"index": "1"})
    with pytest.raises(KeyboardInterrupt), files_written_whole(folder, last="index") as partial:
        (partial / "index").write_text("half")
        raise KeyboardInterrupt
    assert folder.exists() == exists
    assert not exists or contents(folder) == {"index": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"] * exists


def test_the_last_file_is_never_beside_files_of_another_version(tmp_path, monkeypatch):
    folder, seen = tmp_path / "folder", []
    write_files(folder, {"index": "1", "a": "1", "z": "1"})
    rename = type(tmp_path).replace

    def watched(source, target):
        rename(source, target)
        seen.append({n: t for n, t in contents(folder).items() if n != "index"})
        assert "index" not in contents(folder) or set(seen[-1].values()) == {"2"}

    monkeypatch.setattr(type(tmp_path), "replace", watched)
    write_files(folder, {"index": "2", "a": "2", "z": "2"})
    assert len(seen) == 3


def test_a_folder_that_can_be_made_is_not_made_by_asking(tmp_path):
    check_writable(tmp_path / "a" / "b", change="--save_dir")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused_beforehand(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(
        OutputError, match="cannot write to .*below: .*file is not a folder; change DST"
    ):
        check_writable(tmp_path / "file" / "below", change="DST")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("ppdeepfill.atomic_write.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="Permission denied in .*; change DST"):
        check_writable(tmp_path / "new", change="DST")


def leave_a_folder_half_replaced(target):
    """As a process does that is killed after it moved the old folder away, before the new came."""
    write_folder(target, "old")
    target.rename(target.with_name(".partial-old-folder"))
    write_folder(target.with_name(".partial-folder"), "new")


def test_a_folder_that_was_being_replaced_comes_back(tmp_path):
    target = tmp_path / "folder"
    leave_a_folder_half_replaced(target)
    with pytest.raises(OSError), written_whole(target):
        raise OSError(errno.ENOSPC, "full")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (target / "file").read_text() == "old"


def test_removing_leftovers_brings_it_back_too(tmp_path):
    leave_a_folder_half_replaced(tmp_path / "folder")
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "old"


def test_an_old_folder_that_was_being_removed_does_not_stand_in_the_way(tmp_path):
    write_folder(tmp_path / ".partial-old-folder", "older")
    write_folder(tmp_path / "folder", "old")
    write_folder(tmp_path / "folder", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "new"


def test_a_rename_that_fails_leaves_the_old_folder(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "bad disk")

    write_folder(tmp_path / "folder", "old")
    monkeypatch.setattr(type(tmp_path), "replace", fail)
    with pytest.raises(OSError, match="bad disk"):
        write_folder(tmp_path / "folder", "new")
    assert (tmp_path / "folder" / "file").read_text() == "old"


# Writes a file or files of a folder, slowly.
WRITER = """
import sys, time
from pathlib import Path
from ppdeepfill.atomic_write import files_written_whole, written_whole
target, kind = Path(sys.argv[1]), sys.argv[2]
with written_whole(target) if kind == "file" else files_written_whole(target, last="b") as partial:
    (partial if kind == "file" else partial / "b").write_text("first")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("kind", ["file", "new folder", "folder"])
def test_two_writers_do_not_disturb_each_other(tmp_path, kind):
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
    command = [sys.executable, "-c", WRITER, str(target), kind]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as first:
        assert first.stdout.readline() == "writing\n"
        with pytest.raises(OutputError, match="another command is writing .*target; wait"):
            write_files(target, {"b": "2"}) if "folder" in kind else write_text(target, "second")
        first.communicate("\n")
    assert first.returncode == 0
    assert (target if kind == "file" else target / "b").read_text() == "first"
    assert {p.name for p in tmp_path.rglob("*")} <= {"target", "b"}
    if kind == "file":
        write_text(target, "second")
        assert target.read_text() == "second"


def write_text(target, text):
    with written_whole(target) as partial:
        partial.write_text(text)


def test_a_killed_writer_holds_nothing(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "target"), "file"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        one.stdout.readline()
        one.kill()
    write_text(tmp_path / "target", "second")
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def test_the_lock_of_a_folder_leaves_nothing_behind(tmp_path):
    with sole_use(tmp_path / "new", change="--save_dir"):
        pass
    assert not list(tmp_path.iterdir())
    with sole_use(tmp_path / "new", change="--save_dir"):
        (tmp_path / "new" / "file").touch()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]
