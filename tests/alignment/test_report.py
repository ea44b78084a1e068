# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ppdeepfill import cli
from ppdeepfill.alignment import report
from ppdeepfill.alignment.record import Comparison
from ppdeepfill.errors import AlignmentError
from ppdeepfill.verbs import align

KNOWN = tuple(report.REFERENCES)
STEPS = ("forward", "metric", "loss", "backward", "training")


def comparisons(off: str = ""):
    """One comparison per step; that of the step `off` fails."""
    for step in STEPS:
        theirs = np.array([1.0 if step == off else 0.0])
        yield Comparison(step, {"x": np.zeros(1)}, {"x": theirs}, 1e-6)


@pytest.fixture(autouse=True)
def references(monkeypatch):
    """Stands in for both references."""
    monkeypatch.setattr(report, "REFERENCES", {"torch": comparisons, "tensorflow": comparisons})
    return report.REFERENCES


def run(folder, *flags) -> int:
    return cli.main(["align", f"--save_dir={folder}", *flags])


def test_all_green(tmp_path, capsys):
    assert run(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:6]] == [["torch", step] for step in STEPS]
    assert lines[1].split() == ["torch", "forward", "1", "0.0e+00", "0.0e+00", "1e-06", "yes"]
    assert lines[-1].startswith("all 10 checks passed")


@pytest.mark.parametrize("step", STEPS)
def test_one_step_that_fails_is_named_and_its_log_written(tmp_path, capsys, references, step):
    references["torch"] = lambda: comparisons(off=step)
    assert run(tmp_path) == 1
    output = capsys.readouterr()
    assert f"1 of 10 checks failed: torch {step};" in output.err
    assert "Traceback" not in output.err
    assert [line.split()[1] for line in output.out.splitlines() if "NO" in line] == [step]
    log = tmp_path / "torch" / report.CONTEST[step].log
    assert log.read_text().endswith("diff check failed\n")


def test_the_command_knows_the_references_of_the_report():
    assert align.REFERENCES == KNOWN


def test_one_reference_can_be_chosen(tmp_path):
    assert run(tmp_path, "--reference=tensorflow") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tensorflow"]


def test_both_naming_schemes_hold_the_same_records(tmp_path):
    run(tmp_path)
    contest = tmp_path / "torch"
    tutorial = contest / "tutorial"
    pairs = [
        ("forward_torch.npy", "forward_ref.npy"),
        ("metric_torch.npy", "metric_ref.npy"),
        ("loss_torch.npy", "loss_ref.npy"),
        ("bp_align_torch.npy", "losses_ref.npy"),
        ("bp_align_paddle.npy", "losses_paddle.npy"),
        ("train_align_benchmark.npy", "train_align_benchmark.npy"),
        ("bp_align_diff.log", "result/log/backward_diff.log"),
        ("train_align_diff.log", "result/log/train_align_diff.log"),
    ]
    for ours, theirs in pairs:
        assert (contest / ours).read_bytes() == (tutorial / theirs).read_bytes()
    assert (tmp_path / "tensorflow" / "forward_tensorflow.npy").is_file()


def test_a_second_run_replaces_the_first(tmp_path):
    run(tmp_path)
    (tmp_path / "torch" / "forward_diff.log").write_text("old")
    assert run(tmp_path) == 0
    assert (tmp_path / "torch" / "forward_diff.log").read_text() != "old"


def test_a_folder_of_someone_else_is_refused_before_the_work(tmp_path, capsys, references):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "weights.pth").write_text("precious")
    references["torch"] = None  # a call would fail
    assert run(tmp_path) == 2
    assert "weights.pth" in capsys.readouterr().err
    assert (tmp_path / "torch" / "weights.pth").read_text() == "precious"


def test_a_file_of_someone_else_is_refused(tmp_path, capsys):
    (tmp_path / "torch").write_text("precious")
    assert run(tmp_path) == 2
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "torch").read_text() == "precious"


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), AlignmentError("no arrays")])
def test_what_stops_on_the_way_leaves_nothing(tmp_path, references, monkeypatch, failure):
    written = []

    def stops(path, comparison):
        written.append(path)
        if len(written) == 3:
            raise failure
        path.write_text("")

    monkeypatch.setattr(report, "write_log", stops)
    assert run(tmp_path) == (130 if isinstance(failure, KeyboardInterrupt) else 2)
    assert len(written) == 3 and list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run(tmp_path / "file") == 2
    output = capsys.readouterr()
    assert "is not a folder; change --save_dir" in output.err
    assert not output.out
