# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Image inpainting with PaddlePaddle: DeepFill v1 and the methods around it.

The public names load on first use, so that `import ppdeepfill` is instant.
"""

import importlib
import os
import warnings

__version__ = "0.1.0"

_HOMES = {
    "build_network": "ppdeepfill.networks",
    "ContextualAttention": "ppdeepfill.networks",
    "Inpainter": "ppdeepfill.inference.inpainter",
    "load_config": "ppdeepfill.config",
    "use_device": "ppdeepfill.parallel",
}

__all__ = [
    "ContextualAttention",
    "Inpainter",
    "__version__",
    "build_network",
    "load_config",
    "use_device",
]


def __getattr__(name: str):
    if name in _HOMES:
        quieten_paddle()
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ppdeepfill' has no attribute {name!r}")


def quieten_paddle() -> None:
    """Before Paddle is imported: keep it from telling what concerns builders of C++ alone."""
    warnings.filterwarnings("ignore", message="No ccache found")
    os.environ.setdefault("GLOG_minloglevel", "2")  # how a graph is compiled


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
