"""Logs of serving platforms as JSON lines: SageMaker data capture."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import (
    Record,
    Row,
    json_records,
    number,
    parse_json,
    raw_rows,
    unix_s,
)
from sim.traffic.formats.rows import BadRows, RawRows


@TRACE_FORMATS.register("sagemaker")
class SageMaker(FileFormat):
    """Data capture of chat endpoints; token counts come from the answer's ``usage``."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the first line is a capture."""
        line = head.split("\n", 1)[0]
        return '"captureData"' in line or ('"eventMetadata"' in head and '"captureData"' in head)

    def is_folder(self, path: Path) -> bool:
        """Tell whether the folder has captures, in subfolders by hour as SageMaker writes them."""
        first = min(path.glob("**/*.jsonl"), default=None)
        return first is not None and '"captureData"' in first.read_text("utf-8", "replace")[:4000]

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the captured requests."""
        files = sorted(path.glob("**/*.jsonl")) if path.is_dir() else [path]
        for file in files:
            for records in json_records(file, bad):
                rows = [_capture(line, record) for line, record in records]
                if rows:
                    yield raw_rows(rows)


def _capture(line: int, record: Record) -> Row:
    moment = _inside(record, "eventMetadata").get("inferenceTime")
    usage = _inside(_payload(_inside(_inside(record, "captureData"), "endpointOutput")), "usage")
    prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Row(
        line,
        unix_s(moment),
        number(prompt),
        number(answer),
        {
            "arrival_s": ("eventMetadata.inferenceTime", repr(moment)),
            "input_tokens": ("usage.prompt_tokens", repr(prompt)),
            "output_tokens": ("usage.completion_tokens", repr(answer)),
        },
    )


def _inside(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _payload(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON body of a captured request or answer, empty if it is none."""
    data = part.get("data")
    if not isinstance(data, str):
        return {}
    text = data.encode()
    if part.get("encoding", "BASE64") == "BASE64":
        try:
            text = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return {}
    body = parse_json(text)
    return body if isinstance(body, dict) else {}
