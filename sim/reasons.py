"""What went wrong outside our code, in our own words.

The system, Python and libraries say it in words that change with their version, platform and
language; here only the kind of an error and its place are taken from them.
"""

from __future__ import annotations

import csv
import errno
import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sim.errors import InputError, Problem

_OF_NAMES: Final[Mapping[str, str]] = {
    "ENOENT": "no such file or directory",
    "EISDIR": "is a directory",
    "ENOTDIR": "not a directory",
    "EEXIST": "a file or folder that exists",
    "ENOTEMPTY": "a folder that is not empty",
    "EACCES": "permission denied",
    "EPERM": "an operation that is not permitted",
    "EROFS": "a read-only file system",
    "ENOSPC": "no space left on device",
    "EDQUOT": "disk quota exceeded",
    "EIO": "a disk or network share that fails",
    "EMFILE": "too many open files",
    "ENFILE": "too many open files",
    "ENAMETOOLONG": "a name that is too long",
    "ELOOP": "links that lead to themselves, or where none is followed",
    "EBUSY": "a file or folder in use",
    "EINVAL": "a name or operation that the system does not know",
    "ENOMEM": "no memory left",
    "EFBIG": "a file that is too large",
    "ECONNREFUSED": "a connection that is refused",
    "ETIMEDOUT": "no answer in time",
}


def system_reason(error: OSError) -> str:
    """Return why the system refused something."""
    if isinstance(error, gzip.BadGzipFile):
        return "a damaged gzip file"
    if error.errno is None:
        return "a file that cannot be used"
    return _OF_NAMES.get(_name(error.errno), f"error {error.errno} of the system")


def _name(number: int) -> str:
    return errno.errorcode.get(number, "")


def reason(error: Exception) -> str:
    """Return why a file cannot be read as text or as a table of text."""
    match error:
        case UnicodeDecodeError():
            return f"byte 0x{error.object[error.start]:02x}, which is not UTF-8"
        case OSError():
            return system_reason(error)
        case csv.Error():
            return "a line with a NUL, an open quote or a cell of more than 128 KiB"
        case EOFError() | zlib.error():
            return "a gzip stream that ends or breaks here"
    return "something else"


def unreadable(path: Path, error: Exception, expected: str) -> Problem:
    """Return the problem that stands for a file that cannot be read.

    Args:
        path: the file, as messages call it.
        error: what the system, a decoder or the reader of CSV raised.
        expected: what it should be.
    """
    return Problem("", reason(error), expected, str(path))


def json_value(
    text: str | bytes,
    name: str,
    expected: str = "JSON",
    line: int | None = None,
    error: type[InputError] = InputError,
) -> Any:
    """Return the value that a JSON text holds.

    Args:
        text: the text, in UTF-8 where it is bytes.
        name: name of the file, for messages.
        expected: what it should be.
        line: the line of the file that the text is; the whole file unless given.
        error: the class to raise.

    Raises:
        InputError: it is no JSON; tells what is wrong, with line and column.
    """
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(text)
    except json.JSONDecodeError as wrong:
        row = wrong.lineno if line is None else line
        problem = Problem("", _json_mistake(wrong.doc, wrong.pos), expected, name, row, wrong.colno)
    except UnicodeDecodeError as wrong:
        problem = Problem("", reason(wrong), "text in UTF-8", name, line)
    except RecursionError:
        problem = Problem("", "values nested too deep", expected, name, line)
    raise error([problem])


def _json_mistake(text: str, at: int) -> str:
    """Return what stands where JSON ends to be JSON."""
    rest = text[at:].lstrip()
    if not text.strip():
        return "no JSON, an empty text"
    if not rest:
        return "no JSON, it ends too early"
    if rest[0] == '"' and '"' not in rest[1:].replace('\\"', ""):
        return "no JSON, a text without its closing quote"
    shown = rest.split("\n", 1)[0]
    return f"no JSON, {shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + '...'!r}"


_SHOWN = 30
