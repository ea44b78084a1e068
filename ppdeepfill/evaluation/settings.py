# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The settings of a test, some of which can come from a training configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppdeepfill.config import Config, load_config
from ppdeepfill.errors import ConfigError
from ppdeepfill.evaluation.mask_sets import AREAS
from ppdeepfill.evaluation.metrics.perceptual import LPIPS_SMALLEST
from ppdeepfill.evaluation.metrics.pixels import SSIM_SMALLEST
from ppdeepfill.weights.finding import SHIPPED, default_model, find_generator
from ppdeepfill.weights.foreign_models import is_exported

LARGEST = 8192  # px per side; a typo with one more digit would fill the memory


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """What to compare, on which images, and where to write the report.

    Attributes:
        model_paths, methods: see `open_methods`.
        labels: path of a network -> its name in the report; by default its path.
        images: a source, see `open_source`.
        num_images: maximum number of images, evenly spaced; None uses all.
        image_size: height and width in px to which images are cropped or resized, see `fit`.
        crop: crop images (True) or resize them.
        masks, hole_size, areas, seed: see `open_masks`.
        label_maps: what guides networks that have classes: one label map for all images, or a
            folder, see `LabelMaps`; None lets them decide.
        save_masks: a new folder for the masks; None does not save them.
        lpips_weights, fid_weights: see `LearnedMetrics`.
        pictures: number of images shown in report.html, evenly spaced.
        save_dir: folder for the report.
        batch_size, num_workers: see `score_methods`.
        earlier: folder of a report whose scores of `methods` are reused if it is for the same
            images and holes; needs a network as well, and no LPIPS or FID.
    """

    model_paths: Sequence[Path] = ()
    methods: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    images: str = "bundled:validation"
    num_images: int | None = None
    image_size: tuple[int, int] = (256, 256)
    crop: bool = True
    masks: str = "center"
    hole_size: tuple[int, int] = (128, 128)
    areas: Sequence[tuple[float, float]] = AREAS
    seed: int = 0
    label_maps: Path | None = None
    save_masks: Path | None = None
    lpips_weights: Path | None = None
    fid_weights: Path | None = None
    pictures: int = 24
    save_dir: Path = Path("output")
    batch_size: int = 1
    num_workers: int = 2
    earlier: Path | None = None

    def __post_init__(self) -> None:
        if min(self.image_size) < SSIM_SMALLEST or max(self.image_size) > LARGEST:
            raise ConfigError(
                f"image_size must be {SSIM_SMALLEST} (the window of SSIM) to {LARGEST} on both "
                f"sides; got {list(self.image_size)}"
            )
        if self.lpips_weights and min(self.image_size) < LPIPS_SMALLEST:
            raise ConfigError(
                f"image_size must be at least {LPIPS_SMALLEST} on both sides for LPIPS; got "
                f"{list(self.image_size)}"
            )
        for low, high in self.areas:
            if not 0 <= low < high <= 1:
                raise ConfigError(
                    f"hole_area must be two increasing numbers in 0..1, such as 0.2 0.3; got {low} "
                    f"{high}"
                )


def settings_of(given: Mapping[str, Any], config: Config | None) -> ComparisonSettings:
    """Return the settings of a test: given values take precedence over the configuration.

    Without a configuration, the sizes of image and hole are those that the first network was
    trained with, if the files of its run are still there. If only an image size is given, the hole
    has half its sides, as in the paper. Without a method, `default_model()` is tested.

    Args:
        given: attributes of `ComparisonSettings`.
        config: a training configuration, for the images, their size and the hole size.

    Raises:
        UserError: values or files cannot be used.
    """
    given = dict(given)
    if not given.get("methods") and not given.get("model_paths"):
        given["model_paths"] = [default_model()]
    if config is not None:
        return settings_from(config, given)
    sizes = _sizes_trained_with(given["model_paths"][0]) if given.get("model_paths") else {}
    return _completed(given, sizes)


def settings_from(config: Config, given: Mapping[str, Any]) -> ComparisonSettings:
    """Return the settings of a test, with images and sizes from a configuration.

    Args:
        config: a training configuration.
        given: attributes of `ComparisonSettings`; they take precedence.
    """
    taken = _sizes(config)
    if config.data.validation is not None:
        taken["images"] = config.data.validation
    return _completed(given, taken)


def _completed(given: Mapping[str, Any], taken: Mapping[str, Any]) -> ComparisonSettings:
    taken = dict(taken)
    if "image_size" in given:
        height, width = given["image_size"]
        taken["hole_size"] = (height // 2, width // 2)
    return ComparisonSettings(**taken | dict(given))


def _sizes_trained_with(model_path: Path) -> dict[str, Any]:
    config = None if is_exported(model_path) else _config_of(find_generator(model_path))
    return {} if config is None else _sizes(config)


def _sizes(config: Config) -> dict[str, Any]:
    return {
        "image_size": config.data.image_size,
        "crop": config.data.random_crop,
        "hole_size": config.mask.size,
    }


def _config_of(generator: Path) -> Config | None:
    """The configuration that a generator file was trained with, if the run still has it.

    Raises:
        ConfigError: this version cannot read the configuration.
    """
    folder = generator.absolute().parent
    run = folder.parent if folder.name == "best_model" else folder.parent.parent
    is_of_run = folder.name == "best_model" or folder.parent.name == "checkpoints"
    if folder in SHIPPED.values():
        return load_config(folder / "config.yaml")
    if not is_of_run or not (run / "config.yaml").is_file():
        return None
    return load_config(run / "config.yaml")
