# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The notebooks run from top to bottom, define nothing, and store outputs for the tour alone."""

import ast
import os
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STORED = "1_tour"  # the one with outputs

SMALL = {  # behind the cell that is tagged parameters
    "2_train": """
settings += ["network.options.base_channels=4", "data.workers=0",
             "objective.options.critic_channels=4", "schedule.checkpoint_every=2",
             "schedule.log_every=1", "schedule.image_every=4"]
stop_after, iterations = 2, 4
""",
    "3_evaluate": """
methods, options = ["mean_fill", "telea"], ["--image_size", "64", "--masks", "free_form"]
""",
}
SHOWN = {  # what a reader has to see
    "1_tour": "True",
    "2_train": "resumed from",
    "3_evaluate": "report.html",
    "4_deploy": "wrote",
    "5_attention": "(32, 32)",
}


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing(path):
    for cell in code_cells(read(path)):
        lines = [line for line in cell.source.split("\n") if not line.startswith(("%", "!"))]
        plain = "\n".join(lines)
        for node in ast.walk(ast.parse(plain)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_only_the_tour_stores_outputs(path):
    kinds = [
        kind
        for cell in code_cells(read(path))
        for output in cell.outputs
        for kind in output.get("data", {"text": None})
    ]
    assert ("image/jpeg" in kinds) if path.stem == STORED else not kinds


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient")
    for name in ("configs", "deploy"):  # which notebooks reach by ..
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = read(path)
    notebook.cells = [c for c in notebook.cells if "install" not in c.metadata.get("tags", [])]
    for cell in code_cells(notebook):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += SMALL.get(path.stem, "")
    where = {"metadata": {"path": str(tmp_path / "notebooks")}}
    client.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    texts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for cell in code_cells(notebook)
        for output in cell.outputs
    ]
    assert SHOWN[path.stem] in "\n".join(texts)
    assert not any(text.startswith("130") or text == "2" for text in texts)  # statuses of verbs
