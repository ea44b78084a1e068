# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The checks of `ppdeepfill doctor`, each a function that yields findings.

Each check does its own imports, so that one broken package does not hide the others.
"""

import importlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

GIB = 1 << 30
LITTLE_SPACE = 2.0  # GiB; checkpoints of the paper's network take 0.1 each
LITTLE_MEMORY = 2.0  # GiB; Paddle alone takes 0.4
RUNS = Path("output")
DATA = Path("data/places2")


class Finding(NamedTuple):
    """A line of the report.

    Attributes:
        name: what was checked.
        text: what was found.
        advice: how to fix it; empty if nothing is wrong.
    """

    name: str
    text: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def versions() -> Iterator[Finding]:
    """This package, Python, Paddle, and the other packages that numbers depend on."""
    import ppdeepfill

    yield Finding("ppdeepfill", f"{ppdeepfill.__version__}, {Path(ppdeepfill.__file__).parent}")
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("system", f"{platform.platform()}, {_encoding()}")
    yield _paddle()
    for name in ("numpy", "opencv-python", "scikit-image", "pillow", "plotly", "visualdl"):
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", "run: pip install -e . in the repository's folder")


def _encoding() -> str:
    return f"terminal writes {sys.stdout.encoding or 'unknown'}"


def _paddle() -> Finding:
    try:
        paddle = importlib.import_module("paddle")
    except ModuleNotFoundError:
        return Finding("paddle", "missing", 'run: pip install -e ".[cpu]", or ".[gpu]"')
    except Exception as error:  # a broken installation can raise anything
        return Finding(
            "paddle",
            f"cannot be imported: {error}",
            "reinstall it: pip install --force-reinstall paddlepaddle==3.3.1",
        )
    built = "GPU" if paddle.is_compiled_with_cuda() else "CPU"
    return Finding("paddle", f"{paddle.__version__}, built for {built}")


def machine() -> Iterator[Finding]:
    """Device, threads and memory."""
    try:
        import paddle
    except Exception:  # `versions` tells
        return
    yield _device(paddle)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    named = os.environ.get("OMP_NUM_THREADS")
    threads = f"OMP_NUM_THREADS={named} (unset it to use all)" if named else "all are used"
    yield Finding("threads", f"{cores} cores, {threads}")
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
        small = memory < LITTLE_MEMORY
        advice = "train with a smaller data.batch_size; fill with --attention_memory 0.5"
        yield Finding("memory", f"{memory:.1f} GiB", advice if small else "")


def _device(paddle) -> Finding:
    if not paddle.is_compiled_with_cuda():
        card = shutil.which("nvidia-smi")
        advice = 'there is an NVIDIA card: to use it, run pip install -e ".[gpu]"' if card else ""
        return Finding("device", "cpu", advice)
    count = paddle.device.cuda.device_count()
    if not count:
        return Finding("device", "cpu: no GPU is visible", "check nvidia-smi and the driver")
    names = ", ".join(paddle.device.cuda.get_device_name(number) for number in range(count))
    return Finding("device", f"{count} GPU: {names}")


def network() -> Iterator[Finding]:
    """The shipped network fills a hole and keeps known pixels."""
    try:
        import numpy as np

        from ppdeepfill import Inpainter

        image = np.random.default_rng(0).integers(0, 256, [64, 64, 3], dtype=np.uint8)
        mask = np.zeros([64, 64], np.uint8)
        mask[16:48, 16:48] = 255
        start = time.perf_counter()
        completed = Inpainter.demo()(image, mask)
        seconds = time.perf_counter() - start
    except ModuleNotFoundError:  # `versions` tells
        return
    except Exception as error:
        yield Finding("network", f"{type(error).__name__}: {error}", "please report this")
        return
    kept = (completed[mask == 0] == image[mask == 0]).all()
    changed = "" if kept else "known pixels changed: please report this"
    yield Finding("network", f"demo fills 64 x 64 pixels, {seconds:.1f} s with loading", changed)


def data() -> Iterator[Finding]:
    """Data and runs where the verbs look for them."""
    try:
        from ppdeepfill.data import open_source
        from ppdeepfill.reproduction import places2
        from ppdeepfill.weights.finding import newest_run
    except ImportError:
        return
    for spec in ("bundled:train", "bundled:validation"):
        try:
            yield Finding(spec, f"{len(open_source(spec))} photographs")
        except Exception as error:
            yield Finding(spec, str(error), "reinstall scikit-image and scikit-learn")
    for part in places2.ARCHIVES:
        found = places2.find(DATA, part)
        yield Finding(f"places2 {part}", str(found) if found else f"none below {DATA}")
    run = newest_run(RUNS)
    yield Finding("newest run", str(run) if run else f"none below {RUNS}; predict uses demo")


def writing() -> Iterator[Finding]:
    """Space and permission in the folder for results."""
    from ppdeepfill.atomic_write import check_writable
    from ppdeepfill.errors import OutputError

    try:
        check_writable(RUNS, change="--save_dir")
    except OutputError as error:
        yield Finding("writing", str(error), "cd to a writable folder, or pass --save_dir")
        return
    free = shutil.disk_usage(Path.cwd()).free / GIB
    advice = "free some space, or pass --save_dir on another disk" if free < LITTLE_SPACE else ""
    yield Finding("writing", f"{RUNS.absolute()}, {free:.1f} GiB free", advice)


OPTIONAL = {  # by extra: what it is for, and its packages
    "seg": ("PaddleSeg", ("paddleseg",)),
    "app": ("the web page", ("gradio",)),
    "serve": ("the HTTP service", ("fastapi", "python-multipart", "uvicorn")),
    "onnx": ("export --onnx", ("onnx", "onnxruntime", "paddle2onnx")),
    "align": ("reading what align writes", ("reprod-log",)),
}


def optional_parts() -> Iterator[Finding]:
    """Optional extras; a missing one is not an error."""
    for extra, (use, packages) in OPTIONAL.items():
        missing = []
        for package in packages:
            try:
                version(package)
            except PackageNotFoundError:
                missing.append(package)
        state = f'not installed: pip install -e ".[{extra}]"' if missing else "installed"
        yield Finding(f"extra {extra}", f"{state} ({use})")


CHECKS: tuple[tuple[str, Check], ...] = (
    ("versions", versions),
    ("machine", machine),
    ("network", network),
    ("data and runs in this folder", data),
    ("results", writing),
    ("optional parts", optional_parts),
)
