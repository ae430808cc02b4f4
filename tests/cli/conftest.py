"""A command line for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Line


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """A command line with an empty home folder."""
    return Line(tmp_path / "person", monkeypatch, capsys)
