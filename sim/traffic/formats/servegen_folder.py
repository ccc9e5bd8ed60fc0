"""Reads a ServeGen folder: rates without a header, and length tables as text inside JSON."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import Problem, TraceError
from sim.reasons import json_value, unreadable
from sim.traffic.arrivals.ratetable import RateTable
from sim.traffic.demand import ClientMix, Demand, SyntheticDemand
from sim.traffic.formats.fields import parse_number
from sim.traffic.formats.lines import line_chunks
from sim.traffic.servegen import (
    GAMMA,
    WEIBULL,
    ClientArrivals,
    ClientLengths,
    CountTable,
    GapLaw,
    LengthWindow,
)

_FILE = re.compile(r"(?P<client>.+)-trace\.csv")
_MEDIA = ("image", "audio", "video")
_LARGEST_FILE = 1 << 26
_DAY_S = 86_400.0


def is_servegen(path: Path) -> bool:
    """Tell whether a folder has ServeGen's pairs of files."""
    return path.is_dir() and any(_client_files(path))


def read_servegen(folder: Path, scale: float = 1.0) -> ClientMix:
    """Return the clients of a folder that send any request.

    Args:
        folder: folder of ``*-trace.csv`` and ``*-dataset.json``.
        scale: factor on every rate.

    Raises:
        TraceError: with the problems of all files.
    """
    clients: dict[str, Demand] = {}
    problems: list[Problem] = []
    for name, rates, lengths in _client_files(folder):
        try:
            arrivals = _read_rates(rates, scale)
            if arrivals.rate_per_s > 0:
                clients[name] = SyntheticDemand(arrivals, _read_lengths(lengths))
        except TraceError as error:
            problems += error.problems
    if not problems and not clients:
        expected = "chunk-N-trace.csv and chunk-N-dataset.json of at least one active client"
        problems.append(Problem("", "no active client", expected, str(folder)))
    if problems:
        raise TraceError(problems)
    return ClientMix(clients)


def _client_files(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    for path in sorted(folder.glob("*-trace.csv"), key=lambda p: (len(p.name), p.name)):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            client = match["client"]
            yield client, path, path.with_name(f"{client}-dataset.json")


def _read_rates(path: Path, scale: float) -> ClientArrivals:
    starts: list[float] = []
    rates: list[float] = []
    laws: list[GapLaw] = []
    problems: list[Problem] = []
    for chunk in line_chunks(path):
        lines = chunk.data.decode("utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, chunk.first_line):
            if not line:
                continue
            row = _rate_row(line)
            if row is None or (starts and row[0] <= starts[-1]):
                expected = "ts,rate,cv,pattern,shape,scale with rising ts, such as "
                expected += "0,0.0867,1.4203,Gamma,0.4957,12.0326"
                problems.append(Problem("", repr(line[:80]), expected, str(path), number))
                continue
            starts.append(row[0])
            rates.append(row[1])
            laws.append(row[2])
    if problems or not starts:
        raise TraceError(problems or [Problem("", "an empty file", "rates", str(path), 1)])
    step_s = starts[1] - starts[0] if len(starts) > 1 else _DAY_S
    edges = np.array([*starts, starts[-1] + step_s]) - starts[0]
    return ClientArrivals(RateTable(edges, scale * np.array(rates), repeats=True), tuple(laws))


def _rate_row(line: str) -> tuple[float, float, GapLaw] | None:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != 6:
        return None
    start_s, rate = parse_number(fields[0]), parse_number(fields[1])
    family, shape = fields[3] or GAMMA, parse_number(fields[4])
    if not (start_s >= 0 and rate >= 0) or family not in (GAMMA, WEIBULL):
        return None
    if rate > 0 and fields[3] and not shape > 0:
        return None
    return start_s, rate, GapLaw(family, shape if fields[3] and shape > 0 else 1.0)


def _read_lengths(path: Path) -> ClientLengths:
    data = _load_json(path)
    if not isinstance(data, dict) or not data:
        raise _wrong(path, "", repr(data)[:60], 'a mapping such as {"0": {"output_tokens": ...}}')
    starts = {key: parse_number(key) for key in data}
    odd = [key for key, start_s in starts.items() if not start_s >= 0]
    if odd:
        raise _wrong(path, odd[0], repr(odd[0]), "the start of a window in seconds")
    order = sorted(starts, key=starts.__getitem__)
    windows = tuple(_window(path, key, data[key]) for key in order)
    starts_s = np.array([starts[key] for key in order])
    starts_s -= starts_s[0]
    step_s = float(starts_s[1]) if len(starts_s) > 1 else _DAY_S
    return ClientLengths(starts_s, windows, float(starts_s[-1]) + step_s)


def _window(path: Path, key: str, tables: Any) -> LengthWindow:
    if not isinstance(tables, dict):
        raise _wrong(path, key, repr(tables)[:60], "a mapping of token tables")
    prompt = "text_tokens" if "text_tokens" in tables else "input_tokens"
    media = tuple(
        (_table(path, key, tables, f"{kind}_count"), _table(path, key, tables, f"{kind}_tokens"))
        for kind in _MEDIA
        if f"{kind}_count" in tables and f"{kind}_tokens" in tables
    )
    return LengthWindow(
        _table(path, key, tables, prompt), media, _table(path, key, tables, "output_tokens")
    )


def _table(path: Path, key: str, tables: Mapping[str, Any], name: str) -> CountTable:
    """Return one distribution; the file has it as the text of a Python dictionary."""
    text = tables.get(name)
    where = f"{key}.{name}"
    expected = "text such as '{699: 0.0091, 700: 0.9909}'"
    try:
        shares = ast.literal_eval(text) if isinstance(text, str) else text
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise _wrong(path, where, repr(text)[:60], expected) from error
    if not isinstance(shares, dict) or not shares:
        raise _wrong(path, where, repr(text)[:60], expected)
    for value, share in shares.items():
        sound = isinstance(value, int) and isinstance(share, (int, float))
        if not sound or not 0 <= value <= 10_000_000 or not 0 <= share <= 1:
            raise _wrong(path, where, f"{value!r}: {share!r}", "counts with their probability")
    if not sum(shares.values()) > 0:
        raise _wrong(path, where, "probabilities that sum to 0", "a distribution")
    return CountTable.of(shares)


def _load_json(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _wrong(path, "", f"{path.stat().st_size} bytes", "at most 64 MiB")
        return json_value(path.read_bytes(), str(path), error=TraceError)
    except OSError as error:
        raise TraceError([unreadable(path, error, "a readable file")]) from error


def _wrong(path: Path, where: str, got: str, expected: str) -> TraceError:
    return TraceError([Problem(where, got, expected, str(path))])
