"""Folders into which verbs write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from sim.errors import InputError, Problem


def writable(folder: Path) -> Path:
    """Return a folder into which files can be written, or that can be made, before any work.

    Raises:
        InputError: a file has its name or that of a folder above it, or nobody may write there.
    """
    around = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    if not around.is_dir():
        got = "a file" if around == folder else f"a path through the file {around}"
    elif not os.access(around, os.W_OK | os.X_OK):
        got = f"no permission to write to {around}"
    else:
        return folder
    raise InputError([Problem("", got, "a folder for the results", str(folder))])


@contextmanager
def continued(folder: Path | None) -> Iterator[None]:
    """Say after an interrupt that the same command goes on with what is finished."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is not None:
            typer.echo(f"what is finished is in {folder}; the same command continues", err=True)
        raise
