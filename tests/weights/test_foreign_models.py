# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What people are told who give a network of another form for one of ours."""

import pytest

from ppdeepfill.errors import CheckpointError
from ppdeepfill.weights.finding import find_generator


@pytest.mark.parametrize(
    ("files", "given", "advice"),
    [
        (["snap-0.index", "checkpoint"], ".", "convert --from tensorflow"),
        (["snap-0.index"], "snap-0", "convert --from tensorflow"),
        (["snap-0.index"], "snap-0.index", "convert --from tensorflow"),
        (["snap-0.data-00000-of-00001"], "snap-0.data-00000-of-00001", "--from tensorflow"),
        (["gen_00430000.pt"], ".", "convert --from torch"),
        (["gen_00430000.pt"], "gen_00430000.pt", "convert --from torch"),
        (["torch_model.p"], "torch_model.p", "convert --from tensorflow"),
        (["deploy.yaml", "model.json"], ".", "exported network"),
        (["deploy.yaml"], "deploy.yaml", "exported network"),
        (["model.pdiparams"], "model.pdiparams", "exported network"),
    ],
)
def test_a_network_of_another_form_is_named_with_what_to_do(tmp_path, files, given, advice):
    for name in files:
        (tmp_path / name).write_bytes(b"content")
    with pytest.raises(CheckpointError, match=f"no generator.safetensors at .*{advice}"):
        find_generator(tmp_path / given)


def test_other_folders_get_the_general_advice(tmp_path):
    with pytest.raises(CheckpointError, match="use that file, a folder that contains it"):
        find_generator(tmp_path)
