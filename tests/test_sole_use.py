# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess
import sys

import pytest

from ppdeepfill.atomic_write import sole_use
from ppdeepfill.errors import UserError

# A run with a loading process that lives on when the run is killed.
RUN = """
import os, sys, time
from pathlib import Path
from ppdeepfill.atomic_write import sole_use
with sole_use(Path(sys.argv[1]), change="output_dir"):
    loading = os.fork()
    if loading:
        print(loading, flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_kept_out_until_the_first_ends(tmp_path):
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        loading = int(run.stdout.readline())
        try:
            with (
                pytest.raises(UserError, match="another run is writing to"),
                sole_use(tmp_path, change="output_dir"),
            ):
                pass
            run.kill()
            run.wait()
            with sole_use(tmp_path, change="output_dir"):
                pass
        finally:
            run.kill()
            os.kill(loading, signal.SIGKILL)
