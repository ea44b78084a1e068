# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest

from ppdeepfill.alignment.record import Comparison, log_text, write_log, write_record
from ppdeepfill.errors import AlignmentError

STAMP = re.compile(r"^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] root INFO: ", re.MULTILINE)

OURS = {
    "image": np.float32([[0.0, 1.0], [2.0, 3.0]]),
    "offsets": np.array([[1, -2]]),
    "loss": np.array(0.5),
}


def comparison(threshold: float = 1e-6, **changed) -> Comparison:
    return Comparison("forward", OURS, OURS | changed, threshold)


def test_equal_records_pass():
    assert comparison().passed


@pytest.mark.parametrize(
    "changed",
    [
        {"image": np.float32([[0.0, 1.0], [2.0, 3.00001]])},
        {"offsets": np.array([[1, -3]])},
        {"loss": np.array(0.500002)},
        {"loss": np.array(np.nan)},
        {"loss": np.array(np.inf)},
    ],
)
def test_a_difference_in_one_name_fails(changed):
    assert not comparison(**changed).passed


def test_the_mean_difference_decides():
    changed = {"image": np.float32([[0.0, 1.0], [2.0, 3.5]])}  # mean 0.125, largest 0.5
    assert comparison(0.125, **changed).passed
    assert not comparison(0.124, **changed).passed


def test_an_array_of_another_shape_is_refused_even_if_its_transpose_fits():
    with pytest.raises(AlignmentError, match=r"forward: offsets: .*\[1, 2\].*\[2, 1\]"):
        comparison(offsets=OURS["offsets"].T).differences()


def test_a_name_that_one_record_lacks_is_refused_by_name():
    with pytest.raises(AlignmentError, match=r"only the reference's: \['psnr'\]"):
        comparison(psnr=np.array(1.0)).differences()


def test_a_log_names_what_failed():
    text = STAMP.sub("", log_text(comparison(loss=np.array(1.5))))
    assert text == (
        "image: \n\tmean diff: check passed: True, value: 0.0\n"
        "offsets: \n\tmean diff: check passed: True, value: 0.0\n"
        "loss: \n\tmean diff: check passed: False, value: 1.0\n"
        "diff check failed\n"
    )


@pytest.mark.parametrize("loss", [0.5, 0.5000001, 0.75])
def test_reprod_log_reads_our_records_and_writes_our_log(tmp_path, loss):
    reprod_log = pytest.importorskip("reprod_log", reason="the extra `align` is not installed")
    ours = comparison(loss=np.array(loss), image=OURS["image"] + np.float32(3e-7))
    write_record(tmp_path / "ours.npy", ours.ours)
    write_record(tmp_path / "theirs.npy", ours.theirs)
    write_log(tmp_path / "ours.log", ours)

    helper = reprod_log.ReprodDiffHelper()
    records = (helper.load_info(str(tmp_path / f"{name}.npy")) for name in ("ours", "theirs"))
    helper.compare_info(*records)
    helper.report(diff_threshold=ours.threshold, path=str(tmp_path / "theirs.log"))
    texts = [STAMP.sub("<stamp>", (tmp_path / f"{n}.log").read_text()) for n in ("ours", "theirs")]
    assert texts[0] == texts[1]
    assert texts[0].endswith(f"<stamp>diff check {'failed' if loss == 0.75 else 'passed'}\n")
