"""Folders of results: one writer, files whole or not there, nothing left over, links not followed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.errors import EnvironmentLimitError, InputError
from sim.workspace import LEFTOVER, put_file, workspace, write_text

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import sys, time
from sim.workspace import workspace
with workspace(sys.argv[1]) as room:
    room.path("half.csv").write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that writes into ``out``."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path):
    with workspace(tmp_path / "out") as room:

        def write(path):
            write_text(path, "a")
            assert "a.csv" not in names(room.folder)
            write_text(path, "ab")

        assert room.put("a.csv", write).read_text() == "ab"
    assert names(tmp_path / "out") == ["a.csv"]


def test_what_breaks_off_leaves_nothing_and_keeps_what_stood(tmp_path):
    def broken_off(path):
        path.write_text("half")
        raise KeyboardInterrupt

    (tmp_path / "a.csv").write_text("before")
    with pytest.raises(KeyboardInterrupt), workspace(tmp_path) as room:
        room.put("a.csv", broken_off)
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "before"


def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path):
    with pytest.raises(ZeroDivisionError), workspace(tmp_path / "out"):
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_a_second_writer_is_refused_and_told_who_is_there(tmp_path, other):
    refused = pytest.raises(InputError, match=r"writes, expected one of its own.*--out")
    with refused as caught, workspace(tmp_path / "out"):
        pytest.fail("two writers")
    assert f"process {other.pid} on" in str(caught.value)


def test_what_a_killed_writer_left_goes_at_the_next_start(tmp_path, other):
    other.kill()
    other.wait()
    assert [name.startswith(LEFTOVER) for name in names(tmp_path / "out")].count(True) == 1
    with workspace(tmp_path / "out") as room:
        assert [p for p in room.folder.glob(f"{LEFTOVER}*") if p != room.scratch] == []
    assert not (tmp_path / "out").exists() or names(tmp_path / "out") == []


def test_parts_work_side_by_side_but_not_beside_the_whole_or_their_twin(tmp_path):
    with workspace(tmp_path, "shard-1-of-2"), workspace(tmp_path, "shard-2-of-2") as second:
        second.put("two.csv", lambda path: write_text(path, "2"))
        for part in ("", "shard-1-of-2"):
            with pytest.raises(InputError, match="one of its own"), workspace(tmp_path, part):
                pytest.fail("two writers")
    with workspace(tmp_path):
        pass
    assert names(tmp_path) == ["two.csv"]


def test_links_are_not_followed(tmp_path):
    outside, out = tmp_path / "outside.txt", tmp_path / "out"
    outside.write_text("mine")
    out.mkdir()
    (out / "a.csv").symlink_to(outside)
    (out / f"{LEFTOVER}trap").symlink_to(tmp_path)
    with workspace(out) as room:
        room.put("a.csv", lambda path: write_text(path, "new"))
    assert outside.read_text() == "mine"
    assert not (out / "a.csv").is_symlink()
    assert names(out) == ["a.csv"]


def test_a_planted_lock_that_is_a_link_is_refused(tmp_path):
    (tmp_path / ".loadbank.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), workspace(tmp_path):
        pytest.fail("followed")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_gives_out_is_told_with_the_file(tmp_path, number):
    def write(path):
        path.write_text("half")
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.csv").write_text("whole")
    with (
        pytest.raises(EnvironmentLimitError, match=r"b\.csv: .*is kept"),
        workspace(tmp_path) as room,
    ):
        room.put("b.csv", write)
    assert names(tmp_path) == ["a.csv"]
    with pytest.raises(EnvironmentLimitError, match=r"c\.yaml"):
        put_file(tmp_path / "c.yaml", write)
    assert names(tmp_path) == ["a.csv"]


def test_many_writers_take_turns_and_never_meet(tmp_path):
    """Processes that come and go, each taking the lock away with it, are never in it together."""
    script = """
import sys, time
from sim.errors import InputError
from sim.workspace import workspace
done = 0
while done < 15:
    try:
        with workspace(sys.argv[1]) as room:
            inside = room.folder / "inside"
            inside.touch(exist_ok=False)
            inside.unlink()
            done += 1
    except InputError:
        time.sleep(0.001)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command, env=env) for _ in range(3)]
    end_s = time.monotonic() + 60
    assert [process.wait(end_s - time.monotonic()) for process in running] == [0, 0, 0]
