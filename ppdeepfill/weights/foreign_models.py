# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Recognise models that we cannot load, and say how to convert them."""

import re
from pathlib import Path

from ppdeepfill.weight_files.tensorflow.paths import OF_FILES

DESCRIPTION = "deploy.yaml"  # of a folder of `ppdeepfill export`
EXPORTED_SUFFIXES = (".pdiparams", ".pdmodel", ".onnx")
PORT_SUFFIXES = (".pt", ".pth", ".p")
PORT_COPY = "torch_model.p"  # the authors' weights under the port's names


def is_exported(path: Path) -> bool:
    """Return whether a path is a folder written by `ppdeepfill export`."""
    return (path / DESCRIPTION).is_file()


def advice_on(path: Path) -> str | None:
    """Say what a path contains instead of a generator file, and what to do; None if unknown.

    Looks at names only and opens no file.
    """
    if is_exported(path) or path.name == DESCRIPTION or path.suffix in EXPORTED_SUFFIXES:
        return (
            "this is an exported network; use the checkpoint that it was exported from, or run "
            "deploy/python/infer.py"
        )
    if path.name == PORT_COPY:
        return _advice_to_convert("the port's copy of the authors' weights", "tensorflow", path)
    if _is_tensorflow(path):
        return _advice_to_convert("a TensorFlow checkpoint", "tensorflow", path)
    if path.suffix in PORT_SUFFIXES or (path.is_dir() and any(path.glob("gen_*.pt"))):
        return _advice_to_convert("a PyTorch model", "torch", path)
    return None


def _is_tensorflow(path: Path) -> bool:
    """Return whether a path is a checkpoint's folder, prefix, or one of its files."""
    if path.is_dir():
        return any(path.glob("*.index"))
    prefix = path.with_name(f"{path.name}.index").is_file()
    return prefix or re.search(OF_FILES, path.name) is not None


def _advice_to_convert(what: str, origin: str, path: Path) -> str:
    return f"this is {what}; convert it first: ppdeepfill convert --from {origin} {path} FOLDER"
