"""Sessions of coding agents, one JSON file each: kv-cache-tester, Weka and SemiAnalysis traces.

Source: github.com/callanjfox/kv-cache-tester (Apache-2.0). There are no absolute times: requests
count from the start of their session, and sessions have to be placed by whoever replays them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import Row, block_ids, number, parse_json, raw_rows, said
from sim.traffic.formats.lines import open_bytes
from sim.traffic.formats.rows import BadRows, RawRows

_LARGEST_FILE = 1 << 28
_IDS_PER_SESSION = 1 << 40
_KEYS = {"arrival_s": "t", "input_tokens": "in", "output_tokens": "out"}


@TRACE_FORMATS.register("agent-sessions")
class AgentSessions(FileFormat):
    """A file is one session; a folder is many."""

    ordered: ClassVar[bool] = False
    closed_loop: ClassVar[bool] = True
    notes: ClassVar[Sequence[str]] = (
        "no absolute times: every session starts at 0 until sessions are placed",
    )

    def sniff(self, head: str) -> bool:
        """Tell whether the file starts as a session does."""
        start = head.lstrip()[:4000]
        return start.startswith("{") and all(f'"{k}"' in start for k in ("requests", "block_size"))

    def is_folder(self, path: Path) -> bool:
        """Tell whether the first JSON file of the folder is a session."""
        first = min(path.glob("*.json"), default=None)
        return first is not None and self.sniff(_head(first))

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests of one session after the other."""
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for place, file in enumerate(files):
            session = _load(file, bad)
            if session is None:
                continue
            rows = list(_Session(session, file.stem, place).rows())
            if rows:
                block = number(session.get("block_size"))
                yield raw_rows(rows, int(block) if 0 < block < 1e6 else 64)


def _head(path: Path) -> str:
    with open_bytes(path) as stream:
        return stream.read(4000).decode("utf-8", errors="replace")


def _load(path: Path, bad: BadRows) -> Mapping[str, Any] | None:
    """Return a session, or None after reporting what is wrong with its file."""
    expected = "a session: a JSON object with a list of requests"
    if path.stat().st_size > _LARGEST_FILE:
        bad.malformed("session too large", 1, path.name, "more than 256 MiB", expected)
        return None
    with open_bytes(path) as stream:
        session = parse_json(stream.read(_LARGEST_FILE))
    if isinstance(session, dict) and isinstance(session.get("requests"), list):
        return session
    bad.malformed("not a session", 1, path.name, "something else", expected)
    return None


@dataclass(frozen=True, slots=True)
class _Session:
    """One session file and its place among the sessions."""

    data: Mapping[str, Any]
    name: str
    place: int
    codes: dict[int, int] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Yield the requests, those of subagents at the time at which they were sent."""
        turn = 0
        for index, request in enumerate(self.data["requests"]):
            if not isinstance(request, dict):
                continue
            nested = request.get("requests")
            if request.get("type") != "subagent" or not isinstance(nested, list):
                yield self._row(request, f"requests[{index}]", turn, 0.0, "main")
                turn += 1
                continue
            offset_s = _offset_s(request, nested)
            for inner, call in enumerate(nested):
                if isinstance(call, dict):
                    where = f"requests[{index}].requests[{inner}]"
                    yield self._row(call, where, turn, offset_s, "subagent")
                    turn += 1

    def _row(
        self, request: Mapping[str, Any], where: str, turn: int, offset_s: float, kind: str
    ) -> Row:
        first = self.place * _IDS_PER_SESSION
        return Row(
            1,
            number(request.get("t")) + offset_s,
            number(request.get("in")),
            number(request.get("out")),
            {
                column: (f"{self.name}.{where}.{name}", text)
                for column, (name, text) in said(request, _KEYS).items()
            },
            {
                "turn": float(turn),
                "think_s": number(request.get("think_time", 0.0)),
                "e2e_s": number(request.get("api_time")),
            },
            {"session": self.name, "model": str(request.get("model", "")), "kind": kind},
            # Ids are local to a session, so sessions get ranges of their own.
            [first + self._code(block) for block in block_ids(request.get("hash_ids"))],
        )

    def _code(self, block: int) -> int:
        """Return a small number for an id of the session, whatever its size."""
        return self.codes.setdefault(block, len(self.codes))


def _offset_s(subagent: Mapping[str, Any], nested: Sequence[Any]) -> float:
    """Return what to add to the times of a subagent's requests [s].

    They count from its own start in the raw files and from the session's in others; times before
    its start can only be the former.
    """
    start_s = number(subagent.get("t"))
    times = [number(call.get("t")) for call in nested if isinstance(call, dict)]
    earliest_s = min((t for t in times if not math.isnan(t)), default=math.nan)
    return start_s if earliest_s < start_s - 1e-6 else 0.0
