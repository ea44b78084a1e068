# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How programs are measured and compared."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.command_line import main
from benchmarks.measure import measure
from benchmarks.protocol import Measurement, run_row
from benchmarks.row import Row, Skip
from benchmarks.rows import ROWS
from benchmarks.table import Result, header, line, ratio

ROOT = Path(__file__).resolve().parents[2]


def _program(tmp_path, body: str) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text("import json, os, sys\n" + body)
    return [sys.executable, str(path)]


def _run(tmp_path, body: str) -> Measurement:
    return run_row(_program(tmp_path, body), "a/b", repeats=3, threads=1, folder=tmp_path)


def test_a_program_learns_row_repeats_and_threads(tmp_path):
    body = """
print("chatter")
seconds = [1.0] * int(os.environ["BENCHMARK_REPEATS"])
note = sys.argv[1] + os.environ["OMP_NUM_THREADS"] + os.environ["BENCHMARK_FOLDER"]
print(json.dumps({"seconds": seconds, "peak_bytes": 5, "note": note}))
"""
    measured = _run(tmp_path, body)
    assert measured == Measurement([1.0] * 3, peak_bytes=5, note=f"a/b1{tmp_path}")


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("sys.exit('no such thing')", "failed with status 1: no such thing"),
        ("os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("print('hello')", "its last line is not a measurement"),
        ("print('{\"speed\": 1}')", "its last line is not a measurement"),
        ("print('{}')", "its last line is not a measurement"),
        ("", "failed with status 0: it printed nothing"),
    ],
)
def test_a_failure_becomes_a_note(tmp_path, body, note):
    assert note in _run(tmp_path, body).note


def test_a_row_is_called_once_more_than_measured():
    calls = []
    row = Row("a", lambda: lambda: calls.append(1), flops=lambda: 7, items=2)
    measured = measure(row, 3)
    assert len(calls) == 4
    assert len(measured.seconds) == len(measured.core_seconds) == 3
    assert measured.flops == 7 and measured.items == 2 and measured.peak_bytes > 1 << 20
    assert Measurement.from_json(measured.to_json()) == measured


@pytest.mark.parametrize(("when", "counts"), [("set_up", False), ("call", True)])
def test_a_process_counts_as_memory_of_a_row_that_starts_it_in_its_call(tmp_path, when, counts):
    body = f"""
import subprocess
sys.path.insert(0, {str(ROOT)!r})
from benchmarks.measure import measure
from benchmarks.row import Row
def start(size):
    subprocess.run([sys.executable, "-c", f"b'x' * ({{size}} << 20)"], check=True)
def prepare():
    start(200 if {when == "set_up"} else 0)
    return lambda: start(200 if {when == "call"} else 0)
print(measure(Row("a", prepare), 1).to_json())
"""
    # Started by a small process: Linux counts what the starting one holds as the started one's.
    start = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
    command = [*start, *_program(tmp_path, body)]
    measured = run_row(command, "a", repeats=1, threads=1, folder=tmp_path)
    assert (measured.peak_bytes > 150 << 20) == counts


def test_a_row_that_cannot_be_measured_says_why():
    def prepare():
        raise Skip("no such part")

    assert measure(Row("a", prepare), 3) == Measurement(note="no such part")


def test_ratios_are_taken_pair_by_pair():
    ours = [Measurement([x], peak_bytes=2) for x in (1.0, 30.0, 2.0)]
    theirs = [Measurement([x], peak_bytes=8) for x in (2.0, 10.0, 4.0)]
    assert ratio(Result(ours, theirs), "median") == 0.5
    assert ratio(Result(ours, theirs), "peak_bytes") == 0.25


def test_a_line_tells_rate_shares_and_ratios():
    ours = Measurement([0.5, 0.5], [1.0, 1.0], 3 << 20, flops=2_000_000_000, items=4)
    theirs = Measurement([2.0], peak_bytes=6 << 20)
    text = line("a/b", Result([ours], [theirs]), [8e9, 16e9])
    assert text.split() == "a/b 0.5 0% 1 3 8 2 4 50% 25% 2 0.25 0.50".split()
    assert len(header(compared=True)) >= len(text)


def test_the_command_measures_and_records(tmp_path, capsys, monkeypatch):
    body = 'print(json.dumps({"seconds": [1.0], "flops": 10**9}))'
    monkeypatch.setattr("benchmarks.command_line.OURS", _program(tmp_path, body))
    out = tmp_path / "out.json"
    assert (
        main(["loading/*", "--json", str(out), "--compare", " ".join(_program(tmp_path, body))])
        == 0
    )
    record = json.loads(out.read_text())["loading/500px"]
    assert [len(record[side]) for side in ("ours", "theirs")] == [2, 2]
    assert "100%" in capsys.readouterr().out


def test_an_unknown_row_is_told_with_the_known_ones(capsys):
    assert main(["dygraf/*"]) == 2
    assert "dygraph/256" in capsys.readouterr().err


def test_rows_are_named_by_part_and_size():
    assert all(len(name) <= 32 and "/" in name for name in ROWS)
