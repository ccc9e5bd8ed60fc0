"""Executors: names, errors that come back, interrupts, and Dask with a worker that is killed."""

import math
import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import toy_station

from sim.errors import InputError
from sim.experiment.execution.executor import SerialExecutor, open_executor, workers_of
from sim.experiment.execution.processes import ProcessExecutor
from sim.experiment.study.sweep import sweep

STUDY = """
    name: toy
    base: ./base.yaml
    sweep: {grid: {station.servers: [2, 3, 4]}}
    replications: 4
"""


@pytest.mark.parametrize("where", ["serial", "processes:2"])
def test_results_and_errors_come_back(where):
    with open_executor(where) as executor:
        assert executor.submit(math.sqrt, 9.0).result() == 3.0
        with pytest.raises(ValueError, match=r"math domain error|expected a nonneg"):
            executor.submit(math.sqrt, -1.0).result()


@pytest.mark.parametrize("where", ["threads", "processes:0", "processes:x", "dask", "dask:here"])
def test_an_unknown_executor_is_refused_with_the_known_ones(where):
    expected = re.escape(f"executor: got {where!r}, expected 'processes', 'processes:N', 'serial'")
    with pytest.raises(InputError, match=expected), open_executor(where):
        pytest.fail("the block must not run")


def test_an_executor_object_is_used_and_stays_open():
    mine = SerialExecutor()
    with open_executor(mine) as executor:
        assert executor is mine
    assert mine.submit(abs, -1).result() == 1


def test_number_of_workers():
    assert workers_of("serial") == 1
    assert workers_of("processes:7") == 7
    assert workers_of("processes") >= 1


def test_a_function_of_the_script_itself_is_refused_with_the_way_out():
    def local():
        return 1

    local.__module__ = "__main__"
    with (
        open_executor("processes:1") as executor,
        pytest.raises(InputError, match="of a module that a worker"),
    ):
        executor.submit(local)


def test_a_broken_block_ends_the_workers_at_once():
    started = time.monotonic()
    futures = []

    def interrupted():
        with open_executor("processes:1") as executor:
            futures.extend(executor.submit(time.sleep, 60) for _ in range(2))
            while not executor.worker_pids():
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    slow, waiting = futures
    assert time.monotonic() - started < 10
    assert waiting.cancelled()
    assert slow.done()


def test_what_a_model_prints_does_not_end_up_between_the_answers():
    with open_executor("processes:1") as executor:
        assert executor.submit(os.write, 1, b"noise\n").result() == 6
        assert executor.submit(abs, -2).result() == 2


def test_no_call_is_taken_after_the_end():
    executor = ProcessExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)


def start(*arguments):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-m", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def address_of(scheduler):
    for line in scheduler.stderr:
        found = re.search(r"Scheduler at:\s+(tcp://\S+)", line)
        if found:
            return found[1]
    return pytest.fail("the scheduler did not start")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_dask_gives_the_same_bits_also_when_a_worker_is_killed(study_file):
    pytest.importorskip("distributed", reason="Dask is not installed")
    path = study_file(STUDY)
    scheduler = start(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
    )
    workers = []
    try:
        address = address_of(scheduler)
        options = (
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--no-nanny",
            "--death-timeout",
            "10",
        )
        workers = [start("distributed.cli.dask_worker", *options) for _ in range(2)]
        seen = []

        def kill_one(progress):
            seen.append(progress.done)
            if progress.done == 3:
                workers[0].send_signal(signal.SIGKILL)

        result = sweep(path, executor=f"dask:{address}", report=kill_one, run=toy_station.station)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.communicate()
    serial = sweep(path, executor="serial", run=toy_station.station)
    assert seen[-1] == 12
    pd.testing.assert_frame_equal(result.runs, serial.runs, check_exact=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_dask_local_gives_the_same_bits(study_file):
    pytest.importorskip("distributed", reason="Dask is not installed")
    path = study_file(STUDY)
    result = sweep(path, executor="dask:local:2", run=toy_station.station)
    serial = sweep(path, executor="serial", run=toy_station.station)
    pd.testing.assert_frame_equal(result.runs, serial.runs, check_exact=True)


@pytest.mark.slow
def test_a_dask_scheduler_that_does_not_answer_is_told():
    pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        pytest.raises(InputError, match="no scheduler answers there"),
        open_executor("dask:tcp://127.0.0.1:9"),
    ):
        pytest.fail("the block must not run")
