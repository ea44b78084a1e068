# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill the holes of images with an exported network.

    python infer.py --config inference_model/deploy.yaml --image_path photo.png --mask_path hole.png

This file works alone: it needs numpy, opencv-python and paddle, or onnxruntime instead of paddle.
Masks: above 127 = hole. Exit status: 0 all images done, 2 not all; messages say why.
"""

import argparse
import ctypes
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST = 4096  # of flags that count; a typing error would ask for a million threads
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}

# image [B, 3, H, W] in 0..255, mask [B, 1, H, W], both float32 -> completed [B, 3, H, W] in 0..255
Run = Callable[[ndarray, ndarray], ndarray]


class UserError(Exception):
    """Something outside this file is wrong; the message says what."""


class Job(NamedTuple):
    """One image to fill, and where the result goes."""

    image: Path
    mask: Path
    result: Path


class Sample(NamedTuple):
    """A job's pixels: uint8 [H, W, 3] RGB and uint8 [H, W], above 127 = hole."""

    job: Job
    image: ndarray
    mask: ndarray


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    arguments = parse(argv)
    warnings.filterwarnings("ignore", message="No ccache found")  # by paddle, for builders of C++
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # its warnings name no file
    try:
        failed = infer(arguments)
    except ModuleNotFoundError as error:
        return complain(f"{error.name} is not installed; install paddlepaddle or onnxruntime")
    except UserError as error:
        return complain(error)
    except OSError as error:
        return complain(f"{error.filename or 'disk'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    return 2 if failed else 0


def infer(arguments: argparse.Namespace) -> int:
    """Fill all images; returns how many could not be."""
    folder, description = read_description(arguments.config)
    jobs = find_jobs(arguments.image_path, arguments.mask_path, arguments.save_dir)
    open_graph = {"paddle": open_paddle, "onnx": open_onnx}[arguments.backend]
    run = open_graph(folder, description, arguments)

    done, spent = 0, dict.fromkeys(("preprocess", "inference", "postprocess"), 0.0)
    for samples in batches(jobs, arguments.batch_size, description["input_shape"], spent):
        with timed(spent, "preprocess"):
            inputs = to_inputs(samples)
        if arguments.benchmark and not done:
            run(*inputs)  # the first run plans memory and kernels
        with timed(spent, "inference"):
            completed = run(*inputs)
        with timed(spent, "postprocess"):
            save(samples, completed)
        done += len(samples)
    if arguments.benchmark and done:
        print(benchmark_report(arguments, spent, done))
    print(f"{done} of {len(jobs)} images written to {arguments.save_dir}")
    return len(jobs) - done


@contextmanager
def timed(spent: dict[str, float], stage: str) -> Iterator[None]:
    """Add the seconds in this block to a stage."""
    start = time.perf_counter()
    yield
    spent[stage] += time.perf_counter() - start


def read_description(path: Path) -> tuple[Path, dict]:
    """The folder of an exported network and what its deploy.yaml says: `key: JSON` on each line."""
    path = path / "deploy.yaml" if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.strip().split(": ", 1) for line in lines if line.startswith(" "))
        description = {key: json.loads(value) for key, value in pairs}
        return path.parent, {**description, "input_shape": list(description["input_shape"])}
    except FileNotFoundError:
        raise UserError(f"{path} is missing; give what `ppdeepfill export` wrote") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is no deploy.yaml of `ppdeepfill export`") from None


def find_jobs(image_path: Path, mask_path: Path, save_dir: Path) -> list[Job]:
    """Pair images and masks: file and file, folder and file, or two folders by stem."""
    images, masks = list_images(image_path), list_images(mask_path)
    if mask_path.is_dir():
        missing = [image.name for stem, image in images.items() if stem not in masks]
        if missing:
            raise UserError(f"{mask_path} has no mask named as {', '.join(missing[:5])}")
    else:
        masks = dict.fromkeys(images, mask_path)
    jobs = [Job(image, masks[stem], save_dir / f"{stem}.png") for stem, image in images.items()]
    if save_dir.exists() and not save_dir.is_dir():
        raise UserError(f"cannot write to {save_dir}: it is no folder; change --save_dir")
    inputs = {path.resolve() for job in jobs for path in (job.image, job.mask)}
    for job in jobs:
        if job.result.resolve() in inputs:
            raise UserError(f"{job.result} is an input and would be overwritten; change --save_dir")
    return jobs


def list_images(path: Path) -> dict[str, Path]:
    """Image files by stem: the file itself, or those in the folder."""
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if path.is_file():
        return {path.stem: path}
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
            continue
        if file.stem in files:
            raise UserError(f"{path}: {files[file.stem].name} and {file.name} share a result name")
        files[file.stem] = file
    if not files:
        raise UserError(f"{path} holds no images ({', '.join(sorted(SUFFIXES))})")
    return files


def batches(
    jobs: list[Job], batch_size: int, input_shape: list[int], spent: dict[str, float]
) -> Iterator[list[Sample]]:
    """Read images in order; neighbours of one size come together, unusable ones are named."""
    waiting: list[Sample] = []
    for job in jobs:
        try:
            with timed(spent, "preprocess"):
                sample = read_sample(job, input_shape)
        except UserError as error:
            complain(error)
            continue
        if waiting and (len(waiting) == batch_size or sample.mask.shape != waiting[0].mask.shape):
            yield waiting
            waiting = []
        waiting.append(sample)
    if waiting:
        yield waiting


def read_sample(job: Job, input_shape: list[int]) -> Sample:
    """Decode image and mask; UserError where they are not usable."""
    image = cv2.cvtColor(decode(job.image, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    mask = decode(job.mask, cv2.IMREAD_GRAYSCALE)
    size, mask_size = (f"{x.shape[1]} x {x.shape[0]}" for x in (image, mask))
    if size != mask_size:
        raise UserError(f"{job.image} is {size} pixels, but its mask {job.mask} is {mask_size}")
    if (mask > 127).all():
        raise UserError(f"{job.mask}: all of the image is hole, nothing is left to fill it from")
    height, width = input_shape[2:]
    if height not in (-1, image.shape[0]) or width not in (-1, image.shape[1]):
        raise UserError(f"the network was exported for {width} x {height}; {job.image} is {size}")
    return Sample(job, image, mask)


def decode(path: Path, flags: int) -> ndarray:
    """An image file -> pixels; refuses what is cut off, which OpenCV would fill up."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    cut_jpeg = content[:2] == b"\xff\xd8" and content.rfind(b"\xff\xd9") < content.rfind(
        b"\xff\xda"
    )
    cut_png = content[:4] == b"\x89PNG" and b"IEND" not in content
    if not content or cut_jpeg or cut_png:
        raise UserError(f"{path} is cut off: its end is missing")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UserError(f"{path} is no image, or damaged: OpenCV cannot decode it")
    return pixels


def to_inputs(samples: list[Sample]) -> tuple[ndarray, ndarray]:
    """float32 image [B, 3, H, W] in 0..255 and mask [B, 1, H, W], 1 = hole, in C order."""
    images = np.stack([sample.image.transpose(2, 0, 1) for sample in samples])
    masks = np.stack([sample.mask[None] > 127 for sample in samples])
    return np.ascontiguousarray(images, np.float32), masks.astype(np.float32)


def save(samples: list[Sample], completed: ndarray) -> None:
    """Write float32 [B, 3, H, W] as PNG files; each takes its name when it is whole."""
    pixels = np.rint(completed).astype(np.uint8).transpose(0, 2, 3, 1)[..., ::-1]
    for sample, image in zip(samples, pixels):  # noqa: B905
        result = sample.job.result
        result.parent.mkdir(parents=True, exist_ok=True)
        partial = result.with_name(f".partial-{result.name}")
        try:
            partial.write_bytes(cv2.imencode(".png", image)[1].tobytes())
            partial.replace(result)
        finally:
            partial.unlink(missing_ok=True)


def open_paddle(folder: Path, description: dict, arguments: argparse.Namespace) -> Run:
    """The graph in Paddle Inference."""
    import paddle
    from paddle import inference

    files = [model_file(folder, description, key) for key in ("model", "params")]
    config = inference.Config(*files)
    if not arguments.print_detail:
        config.disable_glog_info()
    if arguments.device == "gpu":
        if not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
            raise UserError("--device gpu: this PaddlePaddle finds no GPU; use --device cpu")
        kinds = {"fp32": inference.PrecisionType.Float32, "fp16": inference.PrecisionType.Half}
        config.enable_use_gpu(100, 0, kinds[arguments.precision])  # MB to begin with, first card
        if arguments.use_trt:
            use_tensorrt(config, folder, kinds[arguments.precision], arguments)
    else:
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(arguments.cpu_threads)
        keep_freed_memory()
        if arguments.enable_mkldnn:
            config.set_mkldnn_cache_capacity(10)  # shapes whose plans are kept
            config.enable_mkldnn()
        elif hasattr(config, "disable_mkldnn"):  # PaddlePaddle 3 has it on by default
            config.disable_mkldnn()
    try:
        predictor = inference.create_predictor(config)
    except (RuntimeError, ValueError, LookupError, OSError) as error:
        reason = (str(error).strip().splitlines() or ["unknown"])[-1]
        raise UserError(f"Paddle Inference cannot load {files[0]}: {reason}") from error
    image_input, mask_input = map(predictor.get_input_handle, ("image", "mask"))
    output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(image: ndarray, mask: ndarray) -> ndarray:
        image_input.copy_from_cpu(image)
        mask_input.copy_from_cpu(mask)
        predictor.run()
        return output.copy_to_cpu()

    return run


def keep_freed_memory() -> None:
    """Tensors of the next picture need not wait for new pages from the system, on Linux."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def use_tensorrt(config, folder: Path, precision, arguments: argparse.Namespace) -> None:
    """Let TensorRT run what it can; it has to know the ranges of free sizes beforehand."""
    ranges = folder / "trt_shape_ranges.pbtxt"
    if arguments.enable_auto_tune:
        config.collect_shape_range_info(str(ranges))
        return
    if not ranges.is_file():
        raise UserError(
            f"{ranges} is missing; run once with --enable_auto_tune, over images of the "
            "smallest and the largest size, then without it"
        )
    config.enable_tensorrt_engine(
        workspace_size=1 << 30,
        max_batch_size=arguments.batch_size,
        min_subgraph_size=arguments.min_subgraph_size,
        precision_mode=precision,
    )
    config.enable_tuned_tensorrt_dynamic_shape(str(ranges), True)


def open_onnx(folder: Path, description: dict, arguments: argparse.Namespace) -> Run:
    """The graph in ONNX Runtime, on the processor."""
    import onnxruntime

    file = model_file(folder, description, "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.cpu_threads
    options.log_severity_level = 3  # errors; below, it names every constant that it folds
    try:
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own classes, derived from nothing narrower
        raise UserError(f"ONNX Runtime cannot load {file}: {error}") from error
    return lambda image, mask: session.run(None, {"image": image, "mask": mask})[0]


def model_file(folder: Path, description: dict, key: str) -> str:
    """The file that a key of deploy.yaml names."""
    name = description.get(key)
    if name is None or not (folder / name).is_file():
        raise UserError(
            f"{folder} has no file for {key!r}, named {name}; export again, with --onnx for 'onnx'"
        )
    return str(folder / name)


def benchmark_report(arguments: argparse.Namespace, spent: dict[str, float], count: int) -> str:
    """The block that Paddle's AutoLog prints: where it ran, and milliseconds per image."""
    engine = "paddle" if arguments.backend == "paddle" else "onnxruntime"
    sections = {
        "Env info": {"OS_version": platform.platform()},
        "Paddle info": {f"{engine}_version": sys.modules[engine].__version__},
        "Conf info": {
            "runtime_device": arguments.device,
            "ir_optim": True,
            "enable_memory_optim": False,
            "enable_tensorrt": arguments.use_trt,
            "enable_mkldnn": arguments.enable_mkldnn,
            "cpu_math_library_num_threads": arguments.cpu_threads,
        },
        "Model info": {"model_name": arguments.model_name, "precision": arguments.precision},
        "Data info": {"batch_size": arguments.batch_size, "data_num": count},
        "Perf info": {
            "cpu_rss(MB)": peak_memory(),
            "total time spent(s)": f"{sum(spent.values()):.4f}",
            **{f"{stage}_time(ms)": f"{s * 1000 / count:.4f}" for stage, s in spent.items()},
        },
    }
    lines = []
    for title, values in sections.items():
        lines += [f" {title} ".center(56, "-"), *(f"{k}: {v}" for k, v in values.items())]
    return "\n".join(lines)


def peak_memory() -> str:
    """Of this process, in MB; known on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return f"{int(peak) / 1024:.1f}" if peak else "unknown"


def complain(error: object) -> int:
    print(f"infer.py: error: {error}", file=sys.stderr)
    return 2


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infer.py",
        description="Fill the holes of images with an exported network.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config", type=Path, required=True, help="deploy.yaml, or the folder that holds it")
    add("--image_path", type=Path, required=True, help="an image, or a folder of them")
    add("--mask_path", type=Path, required=True, help="one mask for all, or a folder, by name")
    add("--save_dir", type=Path, default=Path("output/result"), help="for the PNG files")
    add("--batch_size", type=positive, default=1, help="neighbours of one size run together")
    add("--backend", choices=["paddle", "onnx"], default="paddle", help="what runs the network")
    add("--device", choices=["cpu", "gpu"], default="cpu", help="where")
    add("--cpu_threads", type=positive, default=os.cpu_count() or 1, help="on a processor")
    add("--enable_mkldnn", **{**FLAG, "default": True}, help="oneDNN, on a processor")
    add("--precision", choices=["fp32", "fp16"], default="fp32", help="on a GPU")
    add("--use_trt", **FLAG, help="TensorRT, on a GPU")
    add("--min_subgraph_size", type=positive, default=3, help="for TensorRT")
    add("--enable_auto_tune", **FLAG, help="with --use_trt: only note the sizes of these images")
    add("--benchmark", **FLAG, help="report the time of each stage")
    add("--model_name", default="deepfill_v1", help="in that report")
    add("--print_detail", **FLAG, help="show Paddle's own messages")
    arguments = parser.parse_args(argv)
    if arguments.device == "cpu" and (arguments.use_trt or arguments.precision != "fp32"):
        parser.error("--use_trt and --precision fp16 need --device gpu")
    if arguments.device == "gpu" and arguments.backend == "onnx":
        parser.error("--backend onnx runs on the processor only; use --device cpu")
    return arguments


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 20 else 0
    if not 1 <= number <= LARGEST:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {LARGEST}; got {text!r}")
    return number


def boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be True or False; got {text!r}")
    return text.lower() == "true"


FLAG = {"type": boolean, "nargs": "?", "const": True, "default": False, "metavar": "True|False"}

if __name__ == "__main__":
    sys.exit(main())
