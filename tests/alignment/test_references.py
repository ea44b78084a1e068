# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import paddle
import pytest

from ppdeepfill.alignment import references


def test_precision_returns_to_what_it_was():
    with pytest.raises(KeyError), references.precision("float64"):
        assert paddle.get_default_dtype() == "float64"
        raise KeyError
    assert paddle.get_default_dtype() == "float32"
