# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Mixed precision on a CPU, where Paddle's `auto_cast` has no effect, rounded as a GPU would.

In a region of `auto_cast`, operators on its white list get their inputs rounded to 16 bits, and
so are their outputs and, by the derivative of a cast, the gradients of all three. In between they
compute in float32, as tensor cores add up. Every other operator is as on a CPU: that is how a GPU
treats it too, as long as one of its inputs is float32.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paddle
import paddle.nn.functional as F
import pytest
from paddle import Tensor

from ppdeepfill.networks.kernels import convolution

# Where an operator is called, and the name that it has on Paddle's lists.
OPERATORS = [
    (F, "conv2d", "conv2d"),
    (F, "conv2d_transpose", "conv2d_transpose"),
    (F, "linear", "matmul_v2"),
    (paddle, "matmul", "matmul_v2"),
]


class SimulatedAmp:
    """Stands in for `auto_cast` and for the operators that it would cast.

    Attributes:
        rounded: how often an operator was computed in 16 bits, by its name on Paddle's lists.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.rounded: Counter[str] = Counter()
        self._regions: list[tuple[str, set[str]]] = [("float32", set())]
        monkeypatch.setattr(paddle.amp, "auto_cast", self.auto_cast)
        monkeypatch.setattr("ppdeepfill.training.iterations.check_precision", lambda _: None)
        # Compiled graphs are for float32 alone.
        monkeypatch.setattr(convolution, "compiles", lambda *_, **__: False)
        for module, function, name in OPERATORS:
            operator = getattr(module, function)
            monkeypatch.setattr(module, function, self._rounding(operator, name))

    @contextmanager
    def auto_cast(
        self,
        enable: bool = True,
        custom_white_list: set[str] = frozenset(),
        custom_black_list: set[str] = frozenset(),
        level: str = "O1",
        dtype: str = "float16",
    ) -> Iterator[None]:
        """As `paddle.amp.auto_cast`."""
        white = paddle.amp.white_list()[dtype][level] | custom_white_list
        self._regions.append((dtype, white - custom_black_list if enable else set()))
        try:
            yield
        finally:
            self._regions.pop()

    def _rounding(self, operator: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
        def rounding(x: Tensor, weight: Tensor, *args, **options) -> Tensor:
            dtype, white = self._regions[-1]
            if name not in white:
                return operator(x, weight, *args, **options)
            self.rounded[name] += 1
            return _round(
                operator(_round(x, dtype), _round(weight, dtype), *args, **options), dtype
            )

        return rounding


def _round(x: Tensor, dtype: str) -> Tensor:
    return x.astype(dtype).astype("float32")
