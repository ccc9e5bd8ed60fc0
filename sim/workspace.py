"""Where results are written: one writer at a time, files whole or not there, nothing left over.

A command opens a `workspace` on its folder. That takes a lock, clears what a killed command left,
and gives a fresh folder inside for what is not finished. A finished file is synced and renamed
into place; a rename within one file system happens whole or not at all, and never follows a link
that somebody put there. Everything unfinished has a name that begins with `LEFTOVER`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sim.errors import EnvironmentLimitError, InputError, Problem
from sim.reasons import system_reason

LEFTOVER: Final = ".loadbank-"
LOCK: Final = ".loadbank.lock"
_WANTED: Final = "one of its own for each command: wait for it, or choose another with --out"
# What is wrong with the machine and not with the input: the same command may work elsewhere.
_OF_THE_MACHINE: Final = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "EFBIG", "EMFILE", "ENFILE", "ENOMEM", "ESTALE")
    if hasattr(errno, name)
)


class Workspace:
    """A locked folder of results.

    Attributes:
        folder: where the results are to stand.
        scratch: a fresh folder inside it for what is not finished.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch

    def path(self, name: str) -> Path:
        """Return where a file that is not finished yet may be written."""
        return self.scratch / name

    def put(self, name: str, write: Callable[[Path], object]) -> Path:
        """Write a file and move it into place when it is whole.

        Args:
            name: of the file in the folder.
            write: writes to the path that it is given.

        Raises:
            EnvironmentLimitError: the disk is full or fails; what was placed before stays.
        """
        unfinished = self.path(name)
        with _told(self.folder / name):
            write(unfinished)
        return self.place(unfinished)

    def put_text(self, name: str, text: str) -> Path:
        """Write a text file, the same bytes on every system."""
        return self.put(name, lambda path: write_text(path, text))

    def place(self, finished: Path) -> Path:
        """Move a file of the scratch folder into place, under the same name."""
        target = self.folder / finished.name
        with _told(target):
            _synced(finished)
            os.replace(finished, target)
            _synced(self.folder)
        return target


@contextmanager
def workspace(folder: str | Path, part: str = "") -> Iterator[Workspace]:
    """Lock a folder of results, clear leftovers, and provide room for what is not finished.

    Args:
        folder: where the results are to stand; made where it is missing.
        part: of a command that does a part of the work beside others, such as ``shard-1-of-4``:
            it shuts out its own twin and commands that do the whole.

    Raises:
        InputError: another command writes into it; the text says which.
        EnvironmentLimitError: the disk is full or fails.
    """
    folder = Path(folder)
    made = not folder.exists()
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as held:
            held.enter_context(_locked(folder / LOCK, shared=bool(part)))
            if part:
                held.enter_context(_locked(folder / f".loadbank.{part}.lock", shared=False))
            else:
                clear_leftovers(folder)
            scratch = scratch_folder(folder)
            held.callback(shutil.rmtree, scratch, ignore_errors=True)
            yield Workspace(folder, scratch)
    finally:
        if made:
            with suppress(OSError):  # it holds something: the usual case
                folder.rmdir()


def scratch_folder(root: Path) -> Path:
    """Make a folder with a name of its own for something unfinished, and return it."""
    path = root / f"{LEFTOVER}{uuid.uuid4().hex[:12]}"
    with _told(path):
        path.mkdir(parents=True)
    return path


def clear_leftovers(folder: Path) -> None:
    """Remove what commands that were killed left in a folder; whoever calls it holds the lock."""
    for path in folder.glob(f"{LEFTOVER}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def put_file(target: str | Path, write: Callable[[Path], object]) -> Path:
    """Write one file outside of any workspace: it appears under its name only when it is whole.

    Raises:
        EnvironmentLimitError: the disk is full or fails.
    """
    target = Path(target)
    unfinished = target.with_name(f"{LEFTOVER}{uuid.uuid4().hex[:12]}{target.suffix}")
    try:
        with _told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write(unfinished)
            _synced(unfinished)
            os.replace(unfinished, target)
            _synced(target.parent)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return target


def move_folder(finished: Path, target: Path) -> None:
    """Move a finished folder into place; where an equal one stands already, that one stays."""
    with _told(target):
        for path in finished.iterdir():
            _synced(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(finished, target)
        except OSError:
            if not target.is_dir():
                raise
        _synced(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file: UTF-8, the same line ends everywhere, a half pair of UTF-16 as '?'."""
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say which file a disk that is full or fails was to take."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            told = f"{path}: {system_reason(error)}; what was placed before is kept"
            raise EnvironmentLimitError(told) from error
        raise


def _synced(path: Path) -> None:
    """Have the system put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path, *, shared: bool) -> Iterator[None]:
    handle = _acquired(path, shared=shared)
    try:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(owner).encode(), 0)
        yield
    finally:
        with suppress(OSError):  # others share it: the last one removes it
            _lock(handle, shared=False)
            path.unlink(missing_ok=True)
        os.close(handle)


def _acquired(path: Path, *, shared: bool) -> int:
    """Return the handle of the lock file, locked.

    A writer that ends removes the file: who locked one that has no name any more tries again.
    """
    while True:
        with _told(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            _lock(handle, shared=shared)
        except OSError as error:
            owner = _owner(handle)
            os.close(handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            got = f"a folder into which {owner} writes"
            raise InputError([Problem("", got, _WANTED, str(path.parent))]) from None
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False)):
                return handle
        os.close(handle)


def _lock(handle: int, *, shared: bool) -> None:
    fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _owner(handle: int) -> str:
    try:
        owner: Any = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(owner['pid'])} on {owner['host']!s} (since {owner['since']!s})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another command"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
