"""A station small enough to run a study in milliseconds, on the random streams of Loadbank."""

from __future__ import annotations

import textwrap

import pytest


@pytest.fixture
def study_file(tmp_path):
    """Return a function that writes a study beside a base scenario and returns its path."""

    def write(text, name="study.yaml", base="station: {servers: 2, rate: 1.4}\n"):
        (tmp_path / "base.yaml").write_text(base)
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write
