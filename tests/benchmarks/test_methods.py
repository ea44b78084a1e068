# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from benchmarks import methods
from benchmarks.rows import ROWS
from ppdeepfill.networks import NETWORKS


def test_every_network_has_its_rows():
    assert tuple(NETWORKS) == methods.NETWORKS
    for name in NETWORKS:
        assert {f"method/{name}/forward", f"method/{name}/update"} <= ROWS.keys()


@pytest.mark.parametrize("name", methods.NETWORKS)
def test_a_row_has_a_configuration(name):
    assert methods._config(name).network.name == name
