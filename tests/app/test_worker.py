# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One thread computes, and what nobody wants any more ends."""

import threading

import pytest

from ppdeepfill.app.worker import Cancelled, Job, Jobs, Worker
from ppdeepfill.errors import ConfigError


@pytest.fixture
def worker():
    worker = Worker("cpu")
    yield worker
    worker.close()


def test_all_work_is_done_by_one_thread(worker):
    threads = {worker.run(threading.get_ident).result() for _ in range(5)}
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_an_unknown_device_is_refused_at_once():
    with pytest.raises(ConfigError, match="device 'abacus'"):
        Worker("abacus")


def test_a_cancelled_job_ends_before_its_next_part(worker):
    job, reached = Job(), []

    def fill():
        for part in range(3):
            job.before_crop(part, 3)
            reached.append(part)
            job.cancel()

    with pytest.raises(Cancelled):
        worker.run(fill).result()
    assert reached == [0] and job.crop == (0, 3)


def test_an_error_of_one_job_is_not_one_of_the_next(worker):
    with pytest.raises(ZeroDivisionError):
        worker.run(lambda: 1 / 0).result()
    assert worker.run(int).result() == 0


def test_who_cancels_while_waiting_gets_no_turn(worker):
    jobs, gate, turns = Jobs(worker), threading.Event(), []
    worker.run(gate.wait)

    def cancel_then_open(job):
        assert jobs.cancel("a")
        gate.set()

    with pytest.raises(Cancelled):
        jobs.run("a", cancel_then_open, turns.append)
    assert turns == [] and not jobs.cancel("a")


def test_a_session_cancels_its_own_jobs_alone(worker):
    jobs, cancelled = Jobs(worker), []
    assert (
        jobs.run("a", lambda job: cancelled.append(jobs.cancel("b")), lambda job, n: n + 1, 5) == 6
    )
    assert not any(cancelled)
