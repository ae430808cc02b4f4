"""Documents name only what exists, and no file gives away a machine, a package registry's host or a key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.sources import ROOT, repository_files

TOP_FOLDERS = ("src/", "tests/", "docs/", "tools/", "contract/", "requirements/", "bench/", "deploy/", ".ci/")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)\b")

# Put together here, so that this file does not contain what it looks for.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("golang", "org"),
        ("maven", "org"),
        ("deb", "debian", "org"),
    )
]
MACHINE_PATHS = [f"/{folder}/" for folder in ("root", "work", "Users")] + ["/opt/" + "wheels", "." + "pyenv"]
# Made by `make docs` and not committed.
GENERATED = ROOT / "docs" / "reference"
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE" + " KEY-----\n[A-Za-z0-9+/=]{20}")


def documents() -> dict[Path, str]:
    """The text of every document."""
    found = [path for path in repository_files() if path.suffix == ".md"]
    return {path: path.read_text(encoding="utf-8") for path in found}


def missing_paths(text: str, folder: Path) -> list[str]:
    """Repository paths named in `text` (of a document in `folder`) that do not exist."""
    found = []
    for span in CODE.findall(FENCE.sub("", text)):
        for word in span.split():
            if not word.startswith(TOP_FOLDERS) or set(word) & set("<{…"):
                continue
            path = word.rstrip("/,;.:").partition("::")[0]
            if not any(ROOT.glob(path)):
                found.append(word)
    targets = [target for target in LINK.findall(FENCE.sub("", text)) if not re.match(r"[a-z]+:", target)]
    places = {target: (folder / target).resolve() for target in targets}
    return found + [
        target for target, path in places.items() if not path.exists() and path.parent != GENERATED
    ]


def unknown_targets(text: str) -> set[str]:
    """`make` targets named in code that the Makefile does not have."""
    known = set(
        re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    code = [*FENCE.findall(text), *CODE.findall(FENCE.sub("", text))]
    return {target for part in code for target in MAKE.findall(part)} - known


def leaks(text: str) -> list[str]:
    """What `text` gives away."""
    found = [host for host in REGISTRY_HOSTS if re.search(rf"(?<![\w-]){re.escape(host)}\b", text)]
    found += [path for path in MACHINE_PATHS if path in text]
    return found + (["a private key"] if PRIVATE_KEY.search(text) else [])


def test_documents_name_only_paths_that_exist() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): missing
        for path, text in documents().items()
        if (missing := missing_paths(text, path.parent))
    }
    assert found == {}


def test_documents_name_only_targets_that_exist() -> None:
    found = {path.name: gone for path, text in documents().items() if (gone := unknown_targets(text))}
    assert found == {}


def test_files_give_nothing_away() -> None:
    found = {}
    for path in repository_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and the like
        if given := leaks(text):
            found[path.relative_to(ROOT).as_posix()] = given
    assert found == {}


def test_the_readme_begins_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert MAKE.findall("".join(FENCE.findall(readme)))[:2] == ["serve", "test"]


@pytest.mark.parametrize(
    "text",
    ["see `src/runplane/nowhere.py`", "see `tests/none/test_*.py`", "[this](gone.md)", "[it](gone.md#part)"],
)
def test_a_missing_path_is_seen(text: str) -> None:
    assert len(missing_paths(text, ROOT)) == 1


@pytest.mark.parametrize(
    "text", ["`src/runplane/`", "`tests/architecture/test_*.py`", "`docs/<name>.md`", "`a/b`"]
)
def test_an_existing_path_is_not(text: str) -> None:
    assert missing_paths(text, ROOT) == []


def test_an_unknown_target_is_seen() -> None:
    assert unknown_targets("`make test` and `make coffee`") == {"coffee"}


@pytest.mark.parametrize(
    "text", [f"https://{REGISTRY_HOSTS[0]}/simple", f"files.{REGISTRY_HOSTS[1]}", MACHINE_PATHS[0]]
)
def test_a_leak_is_seen(text: str) -> None:
    assert len(leaks(text)) == 1
