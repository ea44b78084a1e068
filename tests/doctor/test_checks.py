# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import sys
from importlib.metadata import metadata

import pytest

from ppdeepfill import cli
from ppdeepfill.doctor import checks


def faults(check) -> dict[str, str]:
    return {finding.name: finding.advice for finding in check() if finding.advice}


def test_a_working_machine_has_nothing_to_mend(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "no problems found" in out and "demo fills" in out and "bundled:train" in out
    assert not list(tmp_path.iterdir())


def test_a_missing_paddle_is_named_with_its_cure(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "paddle", None)  # importing it raises ModuleNotFoundError
    assert '".[cpu]"' in faults(checks.versions)["paddle"]
    assert cli.main(["doctor"]) == 1
    assert "paddle" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "output").write_text("a file where a folder is needed")
    assert "--save_dir" in faults(checks.writing)["writing"]


def test_a_full_disk_is_named(monkeypatch):
    usage = checks.shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage)
    assert "free some space" in faults(checks.writing)["writing"]


def test_a_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "demo" in {f.name: f.text for f in checks.data()}["newest run"]
    (tmp_path / "output/mine/best_model").mkdir(parents=True)
    (tmp_path / "output/mine/best_model/generator.safetensors").touch()
    assert {f.name: f.text for f in checks.data()}["newest run"] == "output/mine"


def test_every_extra_for_users_is_reported():
    extras = set(metadata("ppdeepfill").get_all("Provides-Extra"))
    assert set(checks.OPTIONAL) == extras - {"cpu", "gpu", "dev", "docs"}


@pytest.mark.parametrize("name", checks.OPTIONAL)
def test_an_extra_that_is_missing_is_no_fault(name, monkeypatch):
    def missing(package):
        raise checks.PackageNotFoundError(package)

    monkeypatch.setattr(checks, "version", missing)
    found = {finding.name: finding for finding in checks.optional_parts()}
    assert f'pip install -e ".[{name}]"' in found[f"extra {name}"].text
    assert not found[f"extra {name}"].advice
