# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The settings in which a release is scored: settings.yaml."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import yaml

from ppdeepfill.data.sources import BUNDLED
from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.settings import ComparisonSettings

SETTINGS = Path(__file__).with_name("settings.yaml")
BUNDLED_SPEC = "bundled"


class Setting(NamedTuple):
    """One table of the results.

    Attributes:
        name: name of its folder.
        title: title of its section.
        images: a source inside the data folder, or `bundled`.
        masks: center or free_form.
        image_size: side of the images in px; square holes are half as wide.
        num_images: use at most this many, evenly spaced; None: all.
    """

    name: str
    title: str
    images: str
    masks: str
    image_size: int = 128
    num_images: int | None = None

    def at_most(self, count: int | None) -> "Setting":
        """The same setting with at most `count` images."""
        limits = [limit for limit in (self.num_images, count) if limit is not None]
        return self._replace(num_images=min(limits, default=None))


def read_settings(
    names: Sequence[str] | None = None, file: Path = SETTINGS
) -> tuple[list[str], list[Setting]]:
    """The methods without a network, and the settings.

    Args:
        names: of the settings to take; None takes all.
        file: see settings.yaml.

    Raises:
        UserError: a name that is not in the file.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings = [Setting(**values) for values in content["settings"]]
    unknown = set(names or ()) - {setting.name for setting in settings}
    if unknown:
        known = ", ".join(setting.name for setting in settings)
        raise UserError(f"there is no setting named {min(unknown)!r}; known settings: {known}")
    return content["methods"], [s for s in settings if names is None or s.name in names]


def comparison_of(
    setting: Setting,
    *,
    model_paths: Sequence[Path],
    methods: Sequence[str],
    data: Path,
    save_dir: Path,
    reuse: bool = False,
) -> ComparisonSettings:
    """Return the comparison for a setting; its report goes to `save_dir`, in a folder of its name.

    With `reuse`, take the scores of `methods` from an existing report for the same images and
    holes.
    """
    folder = save_dir / setting.name
    side = setting.image_size
    return ComparisonSettings(
        model_paths=model_paths,
        methods=methods,
        images=_bundled(folder) if setting.images == BUNDLED_SPEC else str(data / setting.images),
        num_images=setting.num_images,
        image_size=(side, side),
        masks=setting.masks,
        hole_size=(side // 2, side // 2),
        save_dir=folder,
        earlier=folder if reuse else None,
    )


def _bundled(folder: Path) -> str:
    """Write a list of all bundled photographs, which training splits into two sources."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(files(package) / path) for photos in BUNDLED.values() for package, path in photos]
    file = folder / "bundled.flist"
    file.write_text("\n".join(paths) + "\n", encoding="utf-8")
    return str(file)
