# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attention for graphs gives the numbers of the paper's form; its operators run one by one here."""

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.networks.attention.contextual import contextual_attention
from ppdeepfill.networks.kernels import attention_in_graph as in_graph
from ppdeepfill.networks.kernels import score_maps
from ppdeepfill.networks.kernels.attention_in_graph import attention_in_graph
from ppdeepfill.networks.kernels.window_in_graph import Span

OPTIONS = {
    "patch_size": 3,
    "stride": 1,
    "rate": 2,
    "propagation_size": 3,
    "softmax_scale": 2.0,
    "reference": "tensorflow",
}
CASES = {
    "paper": ((16, 12), (16, 12), {}),
    "port": ((16, 12), (16, 12), {"reference": "torch"}),
    "two maps": ((20, 8), (12, 18), {}),
    "every other patch": ((16, 12), (16, 12), {"stride": 2}),
    "full size": ((8, 6), (8, 6), {"rate": 1}),
    "one row": ((2, 12), (16, 12), {}),
}
ROW = 1  # bytes of memory: a turn takes a single row
FORMS = {
    "whole": {"memory": None, "loops": True},
    "in a loop": {"memory": ROW, "loops": True},
    "one by one": {"memory": ROW, "loops": False},
}


@pytest.fixture(autouse=True)
def sizes_may_be_tensors(monkeypatch):
    """As in graphs."""

    def cut(x, starts, sizes):
        axes = range(x.ndim - len(starts), x.ndim)
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        return paddle.slice(x, list(axes), starts, ends)

    tile = paddle.Tensor.tile
    monkeypatch.setattr(score_maps, "_crop", cut)
    monkeypatch.setattr(paddle.Tensor, "tile", lambda x, times: tile(x, list(map(int, times))))


def tensors(rng, case, masks=2):
    foreground_size, background_size, options = CASES[case]
    foreground = paddle.to_tensor(rng.standard_normal([2, 3, *foreground_size]))
    background = paddle.to_tensor(rng.standard_normal([2, 3, *background_size]))
    mask = paddle.to_tensor((rng.random([max(masks, 1), 1, *background_size]) < 0.03) * 1.0)
    return (foreground, background, mask if masks else None), OPTIONS | options


def span(start: int, stop: int) -> Span:
    return Span(paddle.to_tensor(start), paddle.to_tensor(stop - start))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masks", [0, 1, 2], ids=["no mask", "one mask", "own masks"])
@pytest.mark.parametrize("case", CASES)
def test_features_equal_those_of_the_paper(case, masks, form, rng):
    """In float64, where rounding hides nothing: a wrong neighbour anywhere would show."""
    maps, options = tensors(rng, case, masks)
    expected, _ = contextual_attention(*maps, **options)
    ours = attention_in_graph(*maps, needed=None, **FORMS[form], **options)
    assert reference.relative_error(ours, expected.numpy()) < 1e-11


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("needed", [(0, 1), (3, 10), (7, 8), (15, 16), (0, 16)])
def test_the_rows_that_are_needed_are_valid(needed, form, rng):
    maps, options = tensors(rng, "paper")
    expected, _ = contextual_attention(*maps, **options)
    ours = attention_in_graph(*maps, needed=span(*needed), **FORMS[form], **options)
    rows = np.s_[:, :, slice(*needed)]
    assert ours.shape == expected.shape and np.isfinite(ours.numpy()).all()
    assert reference.relative_error(ours[rows], expected.numpy()[rows]) < 1e-11


@pytest.mark.parametrize("form", FORMS)
def test_rows_far_from_those_are_not_computed(form, rng, monkeypatch):
    pairs = []
    products = in_graph.inner_products

    def counted(operands, geometry):
        scores = products(operands, geometry)
        pairs.append(scores.shape[1] * scores.shape[2])
        return scores

    monkeypatch.setattr(in_graph, "inner_products", counted)
    maps, options = tensors(rng, "two maps")
    compared = []
    for needed in (None, span(0, 3)):
        attention_in_graph(*maps, needed=needed, **FORMS[form], **options)
        compared.append(sum(pairs))
        pairs.clear()
    assert compared[1] < 0.7 * compared[0]


def test_a_turn_takes_as_many_rows_as_the_memory_allows(rng, monkeypatch):
    turns = []
    turn = in_graph._turn
    monkeypatch.setattr(in_graph, "_turn", lambda *x: turns.append(x) or turn(*x))
    maps, options = tensors(rng, "paper")
    row = 4 * in_graph.TENSORS * 2 * 6 * (8 * 6)  # bytes; 8 x 6 positions and patches, two images
    for rows, expected in ((9, 1), (8, 2), (3, 3), (1, 9)):
        memory = row * (rows + in_graph.ABOVE + in_graph.BELOW)
        attention_in_graph(*maps, needed=None, memory=memory, loops=False, **options)
        assert len(turns) == expected
        turns.clear()
