"""Writes the golden times: `python make.py TREE OUT`, TREE being an unpacked vLLM wheel.

    pip download --no-deps --only-binary=:all: vllm==0.33.0 -d wheel
    unzip -q wheel/vllm-*.whl 'vllm/v1/*' 'vllm/utils/*' 'vllm/*.py' 'vllm-*/METADATA' -d tree
    pip install msgspec cbor2 prometheus-client
    python tests/differential/oracle/make.py tree tests/differential/vllm-0.33.parquet

The wheel has 336 MB, of which 1 MB of Python is used; neither torch nor a GPU is.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import pandas as pd
from vllm_cases import CASES
from stubs import install


def version_of(tree):
    """Return the version of the unpacked wheel."""
    metadata = next(tree.glob("vllm-*/METADATA")).read_text(encoding="utf-8")
    return next(
        line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Version: ")
    )


def times_of(tree, names=tuple(CASES)):
    """Return a table of what vLLM's scheduler does with the requests of each case."""
    install(tree)
    from drive import Server

    rows = [
        {"case": name, "request": number, **asdict(times)}
        for name in names
        for number, times in enumerate(Server(CASES[name]).run())
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    wheel, out = map(Path, sys.argv[1:])
    table = times_of(wheel)
    table["preemptions"] = table["preemptions"].astype("int32")
    table["case"] = table["case"].astype("category")
    table.attrs["vllm"] = version_of(wheel)
    table.to_parquet(out, compression="zstd")
