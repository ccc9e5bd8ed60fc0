"""Reads a trace file: finds the format, streams the rows, keeps account of what was left out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.errors import Problem, TraceError
from sim.interfaces import FloatArray
from sim.registry import nearest_hint
from sim.scenario.shipped import locate, shipped
from sim.traffic.formats import TRACE_FORMATS, TraceFormat
from sim.traffic.formats.check import checked
from sim.traffic.formats.lines import file_head
from sim.traffic.formats.parquet import is_parquet, parquet_columns
from sim.traffic.formats.rows import BadRows, BadRowsAction, RawRows
from sim.traffic.formats.timescale import CALENDAR_S
from sim.traffic.trace import ReadReport, Trace, concatenate, natural_span_s
from sim.traffic.trace_notes import clock_doubts

LINES_SHOWN = 3  # of the rows that were left out, per reason
MOST_ROWS = 64_000_000  # about 1 GB of columns

#: sha256 of published files, so that a fake or damaged copy under the same name is noticed.
PUBLISHED = {
    "AzureLLMInferenceTrace_conv.csv": (
        "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8"
    ),
    "synthetic_trace.jsonl": "bd070915a98fc0ed264d7cfef2ce746002eb3076a695ec31ba2674c0111ec131",
}


def find_trace(reference: str, base_dir: Path, where: str = "") -> Path:
    """Return the file that a reference means.

    Args:
        reference: name of a shipped trace, or a path.
        base_dir: folder to which a relative path belongs.
        where: dotted path of the reference in the user's document, for messages.

    Raises:
        TraceError: there is no such file and no such name.
    """
    located = locate("traces", reference, base_dir)
    path = base_dir / reference if located is None else located
    if path.exists():
        return path
    names = list(shipped("traces"))
    got = f"{reference!r}, which is no file"
    expected = "a trace file or a shipped trace: " + ", ".join(names)
    raise TraceError([Problem(where, got, expected, hint=nearest_hint(reference, names))])


def detect_format(path: Path) -> str:
    """Return the name of the format that a file has, judged by its first lines.

    Raises:
        TraceError: no format recognises the file, or it cannot be read.
    """
    formats = {name: TRACE_FORMATS.get(name)() for name in TRACE_FORMATS.names()}
    if path.is_dir():
        return _folder_format(path, formats)
    if is_parquet(path):
        return _parquet_format(path, formats)
    head = file_head(path)
    for name, reader in formats.items():
        if reader.sniff(head):
            return name
    first = head.split("\n", 1)[0].strip()
    got = f"a file that starts {first[:120]!r}" if first else "an empty file"
    expected = "one of the formats " + ", ".join(formats)
    hint = _nearest_format(head, formats)
    raise TraceError([Problem("", got, expected, str(path), 1, hint=hint)])


def _folder_format(path: Path, formats: Mapping[str, TraceFormat]) -> str:
    for name, reader in formats.items():
        if reader.is_folder(path):
            return name
    expected = "a trace file, or a folder of ServeGen clients or of session files"
    raise TraceError([Problem("", "a folder without them", expected, str(path))])


def _parquet_format(path: Path, formats: Mapping[str, TraceFormat]) -> str:
    names = parquet_columns(path)
    for name, reader in formats.items():
        if reader.sniff_columns(names):
            return name
    got = "a Parquet file with the columns " + ", ".join(names)[:120]
    expected = "arrival_s, input_tokens and output_tokens"
    raise TraceError([Problem("", got, expected, str(path))])


def _nearest_format(head: str, formats: Mapping[str, TraceFormat]) -> str:
    first = head.split("\n", 1)[0]
    if "," not in first and (";" in first or "\t" in first):
        return "separate the columns by commas"
    near = {name: lacking for name, r in formats.items() if (lacking := r.lacks(head))}
    if not near:
        return ""
    name = min(near, key=lambda key: len(near[key]))
    return f"for {name} it lacks " + " and ".join(repr(column) for column in near[name])


def read_trace(
    path: Path,
    format_name: str = "",
    bad_rows: BadRowsAction = "refuse",
    from_s: float = 0.0,
    to_s: float = math.inf,
) -> Trace:
    """Read the requests of a file that arrive in [from_s, to_s).

    The file is streamed, so only the window is held in memory. Times keep the file's clock:
    the first row of a wall-clock trace is at 0.

    Args:
        path: the file, plain or gzip, or a folder for formats that are one.
        format_name: name of the format; empty to detect it.
        bad_rows: ``refuse`` a file with malformed rows, or ``skip`` and count them.
        from_s: start of the window [s].
        to_s: end of the window [s].

    Raises:
        TraceError: the file cannot be read as this format, or nothing usable is in it.
    """
    name = format_name or detect_format(path)
    bad = BadRows(str(path), bad_rows, from_s, to_s)
    reader = TRACE_FORMATS.get(name)()
    pieces: list[Trace] = []
    rows, seen, latest_s = 0, 0, 0.0
    for piece in trace_pieces(path, reader, bad, to_s):
        # Absolute times have no zero before the last row is read.
        inside = piece if reader.absolute else _between(piece, from_s, to_s)
        rows += len(inside)
        seen += len(piece)
        latest_s = max(latest_s, float(piece.arrival_s.max(initial=0.0)))
        if rows > MOST_ROWS:
            expected = f"at most {MOST_ROWS:,} requests in memory; choose a window with from and to"
            raise TraceError([Problem("", f"more than {MOST_ROWS:,}", expected, str(path))])
        pieces.append(inside)
    bad.refuse()
    if rows == 0:
        raise TraceError([_nothing_usable(path, bad, from_s, to_s), *bad.problems])
    lines = bad.lines(windowed=reader.ordered)
    trace = concatenate([piece for piece in pieces if len(piece)])
    if not format_name and (doubt := reader.doubts_clock(trace.arrival_s)):
        raise TraceError([Problem("", *doubt, str(path), hint="or name the format")])
    notes = list(reader.notes)
    if not reader.ordered:
        trace = _sorted(trace, notes)
    origin_unix_s = pieces[0].report.origin_unix_s
    if reader.absolute:
        origin_unix_s = float(trace.arrival_s[0])
        latest_s -= origin_unix_s
        trace = _between(replace(trace, arrival_s=trace.arrival_s - origin_unix_s), from_s, to_s)
    whole_s = trace.span_s or natural_span_s(trace.arrival_s)
    span_s = to_s if latest_s >= to_s else whole_s
    report = ReadReport(
        file=str(path),
        format=name,
        kept=len(trace),
        seen=seen,
        seen_all=not reader.ordered or latest_s < to_s,
        dropped={reason: len(found) for reason, found in lines.items()},
        dropped_lines={reason: tuple(found[:LINES_SHOWN]) for reason, found in lines.items()},
        counts_whole_file=not reader.ordered and (from_s > 0 or math.isfinite(to_s)),
        problems=tuple(p for p in bad.problems if any(p.line in of for of in lines.values())),
        notes=(*notes, *_published_note(path), *clock_doubts(trace.arrival_s)),
        origin_unix_s=origin_unix_s,
        closed_loop=reader.closed_loop,
    )
    return replace(trace, span_s=span_s, report=report)


def _moved(raw: RawRows, origin_s: float) -> RawRows:
    return replace(raw, arrival_s=raw.arrival_s - origin_s, origin_unix_s=origin_s)


def _calendar_origin_s(arrival_s: FloatArray) -> float:
    """Return the first time if it is one since 1970, 0 if times are relative, NaN for no time [s].

    Relative clocks of real traces end long before the three years at which this begins.
    """
    known = arrival_s[~np.isnan(arrival_s)]
    if len(known) == 0:
        return math.nan
    return float(known.min()) if known.min() >= CALENDAR_S else 0.0


def _between(piece: Trace, from_s: float, to_s: float) -> Trace:
    return piece.take((piece.arrival_s >= from_s) & (piece.arrival_s < to_s))


def _sorted(trace: Trace, notes: list[str]) -> Trace:
    if (np.diff(trace.arrival_s) >= 0).all():
        return trace
    notes.append("rows were put in order of arrival")
    return trace.take(np.argsort(trace.arrival_s, kind="stable"))


def trace_pieces(
    path: Path, reader: TraceFormat, bad: BadRows, to_s: float = math.inf
) -> Iterator[Trace]:
    """Yield the checked requests of a file, a chunk at a time.

    Args:
        path: the file.
        reader: its format.
        bad: told of every row that is left out.
        to_s: an ordered file is not read further than this time [s].
    """
    latest_s, origin_s = 0.0, math.nan
    for raw in reader.rows(path, bad):
        if math.isnan(origin_s) and not reader.absolute:
            origin_s = _calendar_origin_s(raw.arrival_s)
        moved = _moved(raw, origin_s) if origin_s > 0 else raw
        if reader.ordered:
            bad.pass_times(moved.line, moved.arrival_s)
        piece = checked(moved, bad, latest_s, reader.ordered, reader.drops_zero)
        yield replace(piece, report=ReadReport(origin_unix_s=moved.origin_unix_s))
        if len(piece) and reader.ordered:
            latest_s = float(piece.arrival_s[-1])
            if latest_s >= to_s:
                return


def _published_note(path: Path) -> list[str]:
    published = PUBLISHED.get(path.name)
    if published is None or not path.is_file():
        return []
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest == published:
        return [f"identical to the published {path.name}"]
    return [f"differs from the published {path.name}: sha256 {digest[:12]}, not {published[:12]}"]


def _nothing_usable(path: Path, bad: BadRows, from_s: float, to_s: float) -> Problem:
    lines = bad.lines(windowed=False)
    reasons = ", ".join(f"{len(found)} x {reason}" for reason, found in lines.items())
    windowed = from_s > 0 or math.isfinite(to_s)
    window = f" between {from_s:g} s and {to_s:g} s" if windowed else ""
    got = f"no usable request{window}" + (f" ({reasons})" if reasons else "")
    return Problem("", got, "at least one request", str(path))
