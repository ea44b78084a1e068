# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convert Paddle Inference files to ONNX, with paddle2onnx."""

import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ppdeepfill.errors import ExportError

OPSET = 17
NO_PADDLE2ONNX = (3, 13)  # the first Python without wheels of paddle2onnx 1 and 2
AXES = ("batch", "", "height", "width")  # names of free axes; the channel axis is never free


def require() -> None:
    """Raise ExportError unless the packages for conversion and check are installed."""
    if sys.version_info >= NO_PADDLE2ONNX:
        raise ExportError(
            "--onnx needs paddle2onnx, which has no release for Python 3.13 and newer: "
            "export with Python 3.12 or older"
        )
    missing = [name for name in ("onnx", "paddle2onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ExportError(
            f"--onnx needs {', '.join(missing)}; run: pip install {' '.join(missing)}, "
            'or pip install -e ".[onnx]" in the repository\'s folder'
        )


def convert(graph: Path, weights: Path, target: Path) -> None:
    """Write the ONNX file of a Paddle Inference graph (image, mask) -> completed image.

    Raises:
        ExportError: paddle2onnx cannot convert it; the message ends with its output.
    """
    command = [sys.executable, "-m", "paddle2onnx.command", "--opset_version", str(OPSET)]
    command += ["--model_dir", str(graph.parent)]
    command += ["--model_filename", graph.name, "--params_filename", weights.name]
    command += ["--save_file", str(target)]
    if not version("paddle2onnx").startswith("1."):  # the optimizer of 2 would install packages
        command += ["--optimize_tool", "None"]
    # Run it in its own process, because it aborts on an unknown operator.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not target.is_file():
        raise ExportError(f"paddle2onnx cannot convert this network:\n{_reason(done)}")
    _fix_padding_and_axes(target)


def _fix_padding_and_axes(path: Path) -> None:
    """Restore the padding with zeros, and name the free axes."""
    import onnx

    model = onnx.load(str(path))
    for node in model.graph.node:
        if node.op_type == "Pad":  # paddle2onnx 2.0 and 2.1 write uninitialised memory as the value
            del node.input[2:]  # the default is 0, as in all our networks
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in zip(value.type.tensor_type.shape.dim, AXES, strict=True):
            if axis.WhichOneof("value") == "dim_param":
                axis.dim_param = name
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _reason(done: subprocess.CompletedProcess) -> str:
    """The lines with errors, or the last lines if there are none."""
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join([line for line in lines if "ERROR" in line] or lines[-5:])
