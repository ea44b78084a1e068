# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""An exported folder, and its network as a function on NumPy images.

    save_dir/deploy.yaml              names of the other files, and the graph's inputs and outputs
             model.json               the graph from PaddlePaddle 3; 2 writes model.pdmodel
             model.pdiparams          its weights
             model.onnx               graph and weights for ONNX Runtime, if requested

Letters: B batch, H W image.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from paddle import inference

from ppdeepfill.data.pixels import to_unit_range
from ppdeepfill.deployment.memory_need import check_memory
from ppdeepfill.errors import ExportError
from ppdeepfill.inference.inpainter import check_pair, holes_of
from ppdeepfill.networks import Prediction
from ppdeepfill.parallel import FreedMemory, threads
from ppdeepfill.weights.foreign_models import DESCRIPTION
from ppdeepfill.weights.generator_file import sha256_of

# image [B, 3, H, W] in 0..255, mask [B, 1, H, W], both float32 -> completed [B, 3, H, W] in 0..255
Run = Callable[[ndarray, ndarray], ndarray]


class ExportedInpainter:
    """Fills holes with an exported network; called like `Inpainter`.

    Args:
        folder: a folder that `export_model` wrote.
        backend: "paddle" for Paddle Inference on the device of `paddle.set_device`, "onnx" for
            ONNX Runtime.

    Attributes:
        description: the content of deploy.yaml.
        multiple: 1, since the graph pads images of any size itself.

    Raises:
        ExportError: there is no exported network, or none for this backend.
    """

    multiple = 1

    def __init__(self, folder: str | Path, *, backend: str = "paddle"):
        if backend not in GRAPHS:
            raise ExportError(f"backend must be {' or '.join(GRAPHS)}; got {backend!r}")
        self.description = read_description(Path(folder))
        self._run = GRAPHS[backend](Path(folder), self.description)
        self._freed_memory = FreedMemory()

    def __call__(self, image: ndarray, mask: ndarray) -> ndarray:
        """Fill the hole: image uint8 [H, W, 3] RGB, mask uint8 [H, W] -> uint8 [H, W, 3].

        Raises:
            ValueError: as in `Inpainter`.
            ExportError: the network was exported for another size.
        """
        mask = check_pair(image, mask)
        if not mask.any():
            return image.copy()
        return self.fill_batch(image[None], mask[None])[0]

    def predict(self, images: ndarray, masks: ndarray) -> Prediction:
        """Return `fill_batch` as a prediction of one stage, without attention."""
        completed = self.fill_batch(images, masks).transpose(0, 3, 1, 2)
        return Prediction(paddle.to_tensor(to_unit_range(completed)))

    def predict_in_holes(self, images: ndarray, masks: ndarray) -> Prediction:
        """Return the same as `predict`, which `Inpainter` can do faster here."""
        return self.predict(images, masks)

    def fill_batch(self, images: ndarray, masks: ndarray) -> ndarray:
        """Fill the holes of a batch: uint8 [B, H, W, 3], [B, H, W] -> [B, H, W, 3]."""
        batch, *size = self.description["input_shape"]
        given = [3, *images.shape[1:3]]
        if any(fixed not in (-1, own) for fixed, own in zip(size, given, strict=True)):
            raise ExportError(
                f"exported for images {[batch, *size]}, -1 = any; got {[len(images), *given]}"
            )
        at_a_time = len(images) if batch == -1 else batch
        parts = [
            self._fill(images[start : start + at_a_time], masks[start : start + at_a_time], batch)
            for start in range(0, len(images), at_a_time)
        ]
        return np.concatenate(parts)

    def _fill(self, images: ndarray, masks: ndarray, batch: int) -> ndarray:
        """Run the graph once; repeat the last image to fill up a fixed batch."""
        missing = [(0, max(0, batch - len(images)))]
        padded = np.pad(images, [*missing, (0, 0), (0, 0), (0, 0)], mode="edge")
        holes = holes_of(np.pad(masks, [*missing, (0, 0), (0, 0)], mode="edge"))
        completed = self._run(
            padded.transpose(0, 3, 1, 2).astype(np.float32), holes[:, None].astype(np.float32)
        )[: len(images)]
        self._freed_memory.bound()
        return np.rint(completed).astype(np.uint8).transpose(0, 2, 3, 1)


def paddle_graph(folder: Path, description: dict, *, onednn: bool = False) -> Run:
    """Open the exported graph in Paddle Inference, as a function; see `open_predictor`."""
    predictor = open_predictor(folder, description, onednn=onednn)
    image_input, mask_input = map(predictor.get_input_handle, ("image", "mask"))
    output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(image: ndarray, mask: ndarray) -> ndarray:
        # Paddle ignores strides, so it would read a view in the wrong order.
        image_input.copy_from_cpu(np.ascontiguousarray(image))
        mask_input.copy_from_cpu(np.ascontiguousarray(mask))
        predictor.run()
        return output.copy_to_cpu()

    return run


def open_predictor(folder: Path, description: dict, *, onednn: bool = False) -> inference.Predictor:
    """Open the exported graph in Paddle Inference, on the device of `paddle.set_device`.

    Args:
        folder: a folder that `export_model` wrote.
        description: the content of its deploy.yaml.
        onednn: use oneDNN, on a CPU.

    Raises:
        ExportError: a file is missing or damaged.
    """
    files = (str(_verified_file(folder, description, key)) for key in ("model", "params"))
    config = inference.Config(*files)
    config.disable_glog_info()
    kind, _, number = paddle.get_device().partition(":")
    if kind == "gpu":
        config.enable_use_gpu(100, int(number))  # initial MB; Paddle takes more as needed
    config.set_cpu_math_library_num_threads(threads())  # Paddle's default is one
    if onednn:
        config.enable_mkldnn()
    elif hasattr(config, "disable_mkldnn"):  # PaddlePaddle 3 has it on by default
        config.disable_mkldnn()
    try:
        return inference.create_predictor(config)
    except (RuntimeError, ValueError, LookupError, OSError) as error:
        raise ExportError(
            f"{folder} is damaged, perhaps cut short by a full disk; export again"
        ) from error


def onnx_graph(folder: Path, description: dict) -> Run:
    """Open the exported graph in ONNX Runtime, on the CPU.

    Raises:
        ExportError: ONNX Runtime is not installed, or there is no usable ONNX file. The returned
            function raises it too, if the machine lacks memory for an image or the graph fails.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ExportError(
            "ONNX Runtime is not installed; run: pip install onnxruntime, "
            'or pip install -e ".[onnx]" in the repository\'s folder'
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.enable_cpu_mem_arena = False  # it keeps and never shares what large images needed
    file = _verified_file(folder, description, "onnx")
    try:
        session = onnxruntime.InferenceSession(
            str(file),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConstantFolding"],  # it would keep the scores of every strip
        )
    except Exception as error:  # ONNX Runtime's exceptions have no narrower base class
        raise ExportError(f"{file} is damaged or cut short; export again") from error

    def run(image: ndarray, mask: ndarray) -> ndarray:
        batch, _, height, width = image.shape
        check_memory(description, batch, height, width)
        try:
            return session.run(None, {"image": image, "mask": mask})[0]
        except Exception as error:
            raise ExportError(f"ONNX Runtime cannot compute {file.name}: {error}") from error

    return run


GRAPHS: dict[str, Callable[[Path, dict], Run]] = {"paddle": paddle_graph, "onnx": onnx_graph}


def read_description(folder: Path) -> dict:
    """Read deploy.yaml, as written by `write_description`.

    Raises:
        ExportError: it is missing or damaged.
    """
    path = folder / DESCRIPTION
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.strip().split(": ", 1) for line in lines if line.startswith(" "))
        return {key: json.loads(value) for key, value in pairs}
    except (FileNotFoundError, NotADirectoryError):
        raise ExportError(
            f"{path} is missing; use a folder that `ppdeepfill export` wrote"
        ) from None
    except ValueError as error:
        raise ExportError(f"{path} cannot be read ({error}); export again") from error


def write_description(folder: Path, description: dict) -> None:
    """Write deploy.yaml, one `key: value` per line.

    Values are JSON, which is also YAML, so that programs without a YAML reader can read the file.
    """
    lines = [f"  {key}: {json.dumps(value)}\n" for key, value in description.items()]
    (folder / DESCRIPTION).write_text("Deploy:\n" + "".join(lines), encoding="utf-8")


def _verified_file(folder: Path, description: dict, key: str) -> Path:
    """The file that a key of deploy.yaml names, with its checksum verified."""
    name = description.get(key)
    if name is None:
        flag = " with --onnx" if key == "onnx" else ""
        raise ExportError(f"{folder / DESCRIPTION} has no file for {key!r}; export again{flag}")
    if not (folder / name).is_file():
        raise ExportError(f"{folder / name} is missing, but deploy.yaml names it; export again")
    expected = description.get("sha256", {}).get(name)  # older exports have none
    if expected and sha256_of(folder / name) != expected:
        raise ExportError(
            f"{folder / name} is not the exported file: its checksum differs from the one in "
            "deploy.yaml; copy it again, or export again"
        )
    return folder / name
