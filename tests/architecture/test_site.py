"""The documentation site builds without a warning, and without a file from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

EXTERNAL = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?https?://""")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(folder / "site"),
    ]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def copy(repository: Path, folder: Path) -> None:
    shutil.copy(repository / "mkdocs.yml", folder)
    shutil.copytree(repository / "docs", folder / "docs", ignore=shutil.ignore_patterns("reference"))
    command = [
        sys.executable,
        str(repository / "tools" / "docs_pages.py"),
        str(folder / "docs" / "reference"),
    ]
    path = os.pathsep.join(part for part in sys.path if part)
    subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True)


def test_the_site_builds_and_loads_nothing_from_elsewhere(repository: Path, tmp_path: Path) -> None:
    copy(repository, tmp_path)
    result = build(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 25
    assert [page.name for page in pages if EXTERNAL.search(page.read_text(encoding="utf-8"))] == []


def test_a_broken_link_fails_the_build(repository: Path, tmp_path: Path) -> None:
    copy(repository, tmp_path)
    with (tmp_path / "docs" / "index.md").open("a", encoding="utf-8") as index:
        index.write("\n[nowhere](guides/nowhere.md)\n")
    assert build(tmp_path).returncode != 0
