# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The memory that an ONNX graph of any size needs for its attention."""

import pytest

from ppdeepfill.deployment import memory_need
from ppdeepfill.deployment.memory_need import bytes_per_pixel_pair, check_memory
from ppdeepfill.errors import ExportError
from ppdeepfill.networks import build_network
from ppdeepfill.networks.kernels import whole_memory


def test_the_need_is_that_of_the_whole_attention():
    """At 1920 x 1080, with features of a quarter of the size."""
    network = build_network("deepfill_v1", base_channels=4)
    features, options = [1, 16, 270, 480], network.refinement.attention.options
    needed = bytes_per_pixel_pair(network) * (1080 * 1920) ** 2
    assert needed == pytest.approx(whole_memory(features, features, options), rel=0.02)


def test_networks_without_contextual_attention_have_no_such_need():
    assert bytes_per_pixel_pair(build_network("glcic", base_channels=4)) == 0.0


@pytest.fixture
def eight_gib(tmp_path, monkeypatch):
    system = tmp_path / "meminfo"
    system.write_text("MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 8388608 kB\n")
    monkeypatch.setattr(memory_need, "SYSTEM", system)


def test_what_the_machine_cannot_hold_is_refused_with_a_way_out(eight_gib):
    description = {"onnx_bytes_per_pixel_pair": 24 / 8**4}
    check_memory(description, 1, 768, 1024)
    need = r"23\.5 GiB for a batch of 1 at 1920 x 1080.*8\.0 GiB.* 1080 1920"
    with pytest.raises(ExportError, match=need):
        check_memory(description, 1, 1080, 1920)
    with pytest.raises(ExportError, match="batch of 4 at 1024 x 768"):
        check_memory(description, 4, 768, 1024)


def test_unknown_needs_and_unknown_memory_refuse_nothing(eight_gib, tmp_path, monkeypatch):
    check_memory({}, 1, 1080, 1920)
    monkeypatch.setattr(memory_need, "SYSTEM", tmp_path / "none")
    check_memory({"onnx_bytes_per_pixel_pair": 24 / 8**4}, 1, 1080, 1920)
