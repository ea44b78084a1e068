# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, namedtuple
from contextlib import closing, contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppdeepfill.data import loader as loader_module
from ppdeepfill.data.batch import Batch
from ppdeepfill.data.loader import Loader, _BatchRecipe, _WorkerDataset
from ppdeepfill.data.loader_processes import were_terminated
from ppdeepfill.errors import ConfigError, DataError

TRAINING = """
import signal, sys, time
from types import SimpleNamespace
from ppdeepfill.data import InpaintingDataset, open_source
from ppdeepfill.data.loader import Loader

signal.signal(signal.SIGINT, signal.default_int_handler)  # which `python -m pytest &` may ignore
{setup}
mask = SimpleNamespace(kind="center", size=16, max_shrink=0, shared=False)
dataset = InpaintingDataset(open_source(sys.argv[1]), image_size=32, mask=mask)
loader = Loader(dataset, batch_size=2, workers=2)
try:
    for batch in loader:
        workers = [worker.pid for worker in loader._loaded._workers]
        print(*workers, flush=True)
        {step}
except KeyboardInterrupt:
    loader.close()
    print("interrupted", flush=True)
"""


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def alive(pid):
    """True for a process that runs; one that only waits to be collected has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def batches(make_dataset):
    """The first batches of a loader, as arrays."""

    def load(number=4, *, source=None, kind="rectangle", **options):
        dataset = make_dataset(*([source] if source else []), kind=kind)
        with closing(Loader(dataset, **{"batch_size": 4, "seed": 3, **options})) as loader:
            return [to_arrays(batch) for batch in islice(loader, number)]

    return load


def to_arrays(batch):
    return batch._replace(image=batch.image.numpy(), mask=batch.mask.numpy())


def arrays(batch):
    """All fields but those that this batch does not have."""
    return [field for field in batch if field is not None]


def assert_same(first, second):
    assert len(first) == len(second)
    for left, right in zip(first, second, strict=True):
        for a, b in zip(arrays(left), arrays(right), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_batch_has_the_promised_shapes_and_ranges(batches):
    for number, batch in enumerate(batches()):
        assert batch.image.shape == (4, 3, 32, 32) and batch.image.dtype == np.float32
        assert batch.mask.shape == (4, 1, 32, 32) and batch.mask.dtype == np.float32
        assert -1 <= batch.image.min() < batch.image.max() <= 1
        assert set(np.unique(batch.mask)) == {0, 1}
        assert batch.bboxes.shape == (4, 4) and (batch.bboxes[:, 2:] == 16).all()
        assert batch.sample_numbers.tolist() == list(range(4 * number, 4 * number + 4))
        for mask, (top, left, height, width) in zip(batch.mask, batch.bboxes, strict=True):
            assert mask.sum() == mask[0, top : top + height, left : left + width].sum() > 0


def test_pixels_are_scaled_from_0_255_to_minus_1_1(batches, make_dataset):
    dataset = make_dataset()
    recipe = _BatchRecipe(dataset, batch_size=4, first=0, share=4, seed=3)
    expected = recipe.load(0)[0].astype(np.float32) / np.float32(127.5) - np.float32(1)
    # Paddle 2.6 multiplies by the reciprocal: one more rounding, at most 2**-23
    np.testing.assert_allclose(batches(1)[0].image, expected, rtol=0, atol=2**-23)


@pytest.mark.parametrize("kind", ["rectangle", "free_form"])
def test_workers_change_nothing(batches, kind):
    expected = batches(5, kind=kind)
    assert_same(batches(5, kind=kind, workers=2), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_restart_goes_on_with_the_same_batches(batches, workers):
    assert_same(batches(3, first_batch=4, workers=workers), batches(7)[4:])


@pytest.mark.parametrize("world_size", [2, 4])
def test_the_shares_of_all_ranks_make_the_batch(batches, world_size):
    shares = [batches(3, rank=rank, world_size=world_size) for rank in range(world_size)]
    joined = [
        Batch(*(np.concatenate(field) for field in zip(*map(arrays, parts), strict=True)))
        for parts in zip(*shares, strict=True)
    ]
    assert_same(joined, batches(3))


def test_ranks_share_a_shared_mask(make_dataset):
    dataset = make_dataset(shared=True)
    masks = [
        next(Loader(dataset, batch_size=4, rank=rank, world_size=2)).mask.numpy()
        for rank in range(2)
    ]
    assert (np.concatenate(masks) == masks[0][:1]).all()


def test_every_image_comes_once_per_epoch_in_ever_new_order(make_dataset):
    recipe = _BatchRecipe(make_dataset(), batch_size=4, first=0, share=4, seed=3)
    row = [recipe._image_index(n) for n in range(7 * 20)]
    epochs = [tuple(row[start : start + 7]) for start in range(0, len(row), 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(epochs)) > 15
    other = [recipe.__class__(recipe.dataset, 4, 0, 4, 4)._image_index(n) for n in range(140)]
    assert row != other


def test_paddles_own_loader_without_workers_gives_the_same(make_dataset):
    recipe = _BatchRecipe(make_dataset(), batch_size=4, first=0, share=4, seed=3)
    numbers = [[number] for number in range(3)]
    loaded = paddle.io.DataLoader(
        _WorkerDataset(recipe), batch_sampler=numbers, collate_fn=itemgetter(0)
    )
    for number, (image, mask, notes) in enumerate(loaded):
        expected = recipe.load(number)
        np.testing.assert_array_equal(image.numpy(), expected[0])
        np.testing.assert_array_equal(mask.numpy(), expected[1])
        np.testing.assert_array_equal(notes.bboxes, expected[2].bboxes)


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_images_are_named_once_and_counted(
    make_dataset, tmp_path, make, caplog, workers
):
    folder = make.folder(tmp_path)
    (folder / "a" / "photo0.jpg").write_bytes(b"")
    (folder / "photo2.jpeg").write_bytes(b"not an image")
    with closing(Loader(make_dataset(folder), batch_size=7, workers=workers)) as loader:
        for _ in range(4):
            next(loader)
        assert sorted(loader.skipped) == ["a/photo0.jpg", "photo2.jpeg"]
        assert "0 bytes" in loader.skipped["a/photo0.jpg"]
    messages = [r.getMessage() for r in caplog.records if "skipped unreadable" in r.message]
    assert len(messages) == 2 and "(2 so far)" in messages[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_while_loading_reaches_the_training_as_it_is(
    make_dataset, tmp_path, workers, capfd
):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    with closing(Loader(make_dataset(tmp_path), batch_size=2, workers=workers)) as loader:
        with pytest.raises(DataError, match="100 images drawn in a row"):
            next(loader)
    assert "Traceback" not in capfd.readouterr().err


def test_a_fault_in_a_worker_shows_its_traceback(make_dataset, monkeypatch):
    def broken(*_):
        raise KeyError("a fault")

    dataset = make_dataset()
    monkeypatch.setattr(type(dataset), "__getitem__", broken)
    with closing(Loader(dataset, batch_size=2, workers=1)) as loader:
        with pytest.raises(RuntimeError, match="(?s)loading batch 0 failed.*in broken.*a fault"):
            next(loader)


def test_a_batch_larger_than_the_data_set_says_what_to_set(make_dataset):
    with pytest.raises(DataError, match="7 images in .* batch of 8 .* data.batch_size to 7"):
        Loader(make_dataset(), batch_size=8)


def test_a_batch_that_cannot_be_divided_is_refused(make_dataset):
    with pytest.raises(ConfigError, match="divisible by the number of processes, 4; got 6"):
        Loader(make_dataset(), batch_size=6, world_size=4)


def test_little_shared_memory_is_replaced_by_pipes(batches, monkeypatch, caplog):
    expected = batches(3)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(loader_module.shutil, "disk_usage", lambda _: usage(1000, 0, 1000))
    assert_same(batches(3, workers=2), expected)
    assert "using pipes instead" in caplog.text and "--shm-size" in caplog.text


def test_a_killed_worker_is_an_error_that_says_what_to_change(make_dataset):
    with closing(Loader(make_dataset(), batch_size=2, workers=1)) as loader:
        with pytest.raises(DataError, match=r"a loader process died.*data\.workers"):
            next(loader)
            os.kill(loader._loaded._workers[0].pid, signal.SIGKILL)
            for _ in range(50):
                next(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_closed_loader_has_no_workers_and_no_batches(make_dataset, workers):
    loader = Loader(make_dataset(), batch_size=2, workers=workers)
    next(loader)
    processes = loader._loaded._workers if workers else []
    loader.close()
    loader.close()
    assert not any(process.is_alive() for process in processes)
    with pytest.raises(StopIteration):
        next(loader)


def test_no_image_is_missing_from_the_batches(make_dataset, tmp_path, make):
    for number in range(6):
        image = np.full((32, 32, 3), 40 * number, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(make.encoded(image, ".png"))
    with closing(Loader(make_dataset(tmp_path), batch_size=3, workers=2)) as loader:
        colours = Counter(
            round((float(image[0, 0, 0]) + 1) * 127.5)
            for batch in islice(loader, 4)
            for image in batch.image
        )
    assert colours == {40 * number: 2 for number in range(6)}


@contextmanager
def training(photos, step, setup=""):
    """A process that loads batches with two workers; yields it and the ids of its workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING.format(setup=setup, step=step), str(photos)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(loader_module.__file__).parents[2])},
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, [int(pid) for pid in line.split()]
    finally:
        process.kill()
        process.communicate()


@linux
def test_an_interrupt_of_the_whole_group_is_the_main_processs_alone(photos):
    with training(photos, "time.sleep(0.1)") as (process, workers):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=20)
        assert "interrupted" in out and "Traceback" not in err
        assert process.returncode == 0
        assert not any(alive(pid) for pid in workers)


@linux
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_training_may_load_on_after_a_signal_to_the_whole_group(photos, name):
    handled = f"signal.signal(signal.{name}, lambda *_: None)"
    step = "time.sleep(0.01 if batch.sample_numbers[0] < 80 else 100)"
    with training(photos, step, setup=handled) as (process, workers):
        os.killpg(process.pid, getattr(signal, name))
        for _ in range(40):  # of which Paddle holds the first few ready
            assert process.stdout.readline()
        assert all(alive(pid) for pid in workers)


@linux
@pytest.mark.parametrize("memory", ["shared", "pipes"])
def test_terminated_workers_are_replaced_by_the_training_process(
    batches, make_dataset, monkeypatch, caplog, memory
):
    expected = batches(9)
    if memory == "pipes":  # a worker is then most likely to be within a batch that it sends
        monkeypatch.setattr(Loader, "_shared_memory_suffices", lambda _: False)
    with closing(Loader(make_dataset(kind="rectangle"), batch_size=4, seed=3, workers=2)) as loader:
        loaded = [to_arrays(next(loader)) for _ in range(2)]
        workers = [worker.pid for worker in loader._loaded._workers]
        for pid in workers:
            subprocess.run(["kill", "-TERM", str(pid)], check=True)  # a parent's is another thing
        loaded += [to_arrays(next(loader)) for _ in range(7)]
    assert_same(loaded, expected)
    assert "the loader processes got SIGTERM" in caplog.text
    assert not any(alive(pid) for pid in workers)
    assert not [f for pid in workers for f in Path("/dev/shm").glob(f"paddle_{pid}_*")]


class Ending(subprocess.Popen):
    """A program that stands for a worker."""

    exitcode = property(subprocess.Popen.poll)
    join = subprocess.Popen.wait

    def __init__(self):
        super().__init__(["sleep", "60"])
        self.sentinel = os.pidfd_open(self.pid)


@linux
@pytest.mark.parametrize(
    ("number", "terminated"), [(signal.SIGTERM, True), (signal.SIGKILL, False)]
)
def test_a_worker_that_is_still_ending_counts_as_ended(number, terminated):
    """It removes its batches before it ends, and then they cannot be received."""
    worker = Ending()
    signalled = threading.Timer(0.3, worker.send_signal, (number,))
    signalled.start()
    assert were_terminated(SimpleNamespace(_workers=[worker])) is terminated
    signalled.join()
    os.close(worker.sentinel)


def test_a_dead_worker_interrupts_nothing_but_the_wait_for_a_batch(make_dataset):
    """Paddle's own handler would raise SystemError in the middle of an update."""
    with closing(Loader(make_dataset(), batch_size=2, workers=2)) as loader:
        next(loader)
        for worker in loader._loaded._workers:
            worker.kill()
        limit = time.monotonic() + 1
        while time.monotonic() < limit:
            time.sleep(0.01)


@linux
@pytest.mark.parametrize("end", ["kill", "terminate", "leave"])
def test_neither_workers_nor_shared_memory_outlive_a_training_that_did_not_close(photos, end):
    step = "break" if end == "leave" else "time.sleep(100)"
    with training(photos, step) as (process, workers):
        if end == "kill":
            process.kill()
        if end == "terminate":
            os.killpg(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        limit = time.monotonic() + 10
        while any(alive(pid) for pid in workers) and time.monotonic() < limit:
            time.sleep(0.1)
        assert not any(alive(pid) for pid in workers)
        assert not [f for pid in workers for f in Path("/dev/shm").glob(f"paddle_{pid}_*")]
        assert "Traceback" not in err
        expected = {"kill": -signal.SIGKILL, "terminate": -signal.SIGTERM, "leave": 0}
        assert process.returncode == expected[end]
