# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by all tests."""

import logging
import os
from pathlib import Path

# Before paddle is imported, which reads it once. The processes of `-n` share the cores.
os.environ.setdefault(
    "OMP_NUM_THREADS",
    str(max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))),
)

import numpy as np
import paddle
import pytest
from small_run import save_small_network, write_photos

from ppdeepfill.deployment.exporting import export_model

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Escape what is no text, such as strange file names in a log: `-n` cannot send it on."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def _cpu():
    paddle.set_device("cpu")


@pytest.fixture(autouse=True)
def _fixed_seed():
    paddle.seed(0)


@pytest.fixture
def float64():
    """While a test runs, new layers have float64 weights."""
    paddle.set_default_dtype("float64")
    yield
    paddle.set_default_dtype("float32")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The full arrays of the reference implementations, where they lie beside the checkout."""
    path = REPOSITORY.parent / "shared" / "golden"
    if not path.is_dir():
        pytest.skip("the full reference arrays are not beside this checkout (../shared/golden)")
    return path


@pytest.fixture(scope="session")
def own_arrays() -> Path:
    """The small reference arrays that only tests need; the others are in the package."""
    return REPOSITORY / "tests" / "reference_arrays"


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A folder of small images to train on."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory) -> tuple[Path, Path]:
    """The output_dir of a small network and the folder it was exported to, for reading only."""
    paddle.seed(0)
    run = save_small_network(tmp_path_factory.mktemp("deepfill_v1") / "run")
    return run, export_model(run, run.parent / "exported").parent


@pytest.fixture
def messages(caplog):
    """What the package logs."""
    caplog.set_level(logging.INFO, logger="ppdeepfill")
    return caplog
