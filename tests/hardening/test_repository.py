"""Nothing that is committed is a secret: detect-secrets over every file, our own by their checksum.

Of its detectors those are used that know a credential by its form. The ones that go by words such as
`password =` or by randomness are left out, because tests and guides are full of passwords and digests that
open nothing. What the others find and is none is in `.secrets.baseline`; docs/guides/security.md has the
command that makes it anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runplane.server.core.secrets import is_well_formed, new_secret
from support.sources import ROOT, repository_files

detect_secrets = pytest.importorskip("detect_secrets", reason="detect-secrets is not installed")

BASELINE = ROOT / ".secrets.baseline"
# pinned by hashes, or pictures
UNREAD = (".lock", ".png", ".svg", "package-lock.json")
# Databases of older releases, with credentials of servers that lived for a minute.
FIXTURES = "tests/release/fixtures/"
OURS = re.compile(r"rp[a-z]_[0-9A-Za-z]{49}")


def found(files: list[Path]) -> set[tuple[str, str, str]]:
    """File, kind and digest of everything that has the form of a credential.

    Each detector gets a file as one text: line by line, as the program does it, takes a minute.
    """
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.potential_secret import PotentialSecret

    names = {it["name"] for it in json.loads(BASELINE.read_text("utf-8"))["plugins_used"]}
    kinds = get_mapping_from_secret_type_to_class().values()
    detectors = [it() for it in kinds if it.__name__ in names]
    assert len(detectors) == len(names) > 15
    return {
        (path.relative_to(path.anchor).as_posix(), it.secret_type, PotentialSecret.hash_secret(secret))
        for path in files
        for it in detectors
        for secret in it.analyze_string(path.read_text("utf-8", "replace"))
    }


def known() -> set[tuple[str, str, str]]:
    content = json.loads(BASELINE.read_text("utf-8"))
    place = ROOT.relative_to(ROOT.anchor)
    return {
        ((place / name).as_posix(), it["type"], it["hashed_secret"])
        for name, all_of_them in content["results"].items()
        for it in all_of_them
    }


@pytest.mark.slow
@pytest.mark.clause("repository.no-secrets")
def test_no_secret_is_committed() -> None:
    files = [it for it in repository_files() if it != BASELINE and not it.name.endswith(UNREAD)]
    files = [it for it in files if not it.relative_to(ROOT).as_posix().startswith(FIXTURES)]
    assert len(files) > 500
    assert sorted(found(files) - known()) == []


@pytest.mark.clause("repository.no-secrets")
def test_no_secret_of_this_server_is_committed() -> None:
    """Ours carry a checksum, so one that a server gave out is told from one that is made up."""
    wrong = {}
    for path in repository_files():
        if path.relative_to(ROOT).as_posix().startswith(FIXTURES):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if "rp" in text and (lines := [it for it in text.splitlines() if "rp" in it and ours(it)]):
            wrong[path.name] = lines
    assert wrong == {}


def ours(line: str) -> bool:
    """Whether a line holds a secret of runplane that would pass for a real one."""
    return any(is_well_formed(it) for it in OURS.findall(line))


def test_a_committed_secret_is_seen(tmp_path: Path) -> None:
    """The counterpart. Put together here, so that this file is none."""
    file = tmp_path / "a.py"
    file.write_text("key = '" + "AKIA" + "QWERTYUIOPASDFGH" + "'\n", "utf-8")
    assert {kind for _, kind, _ in found([file])} == {"AWS Access Key"}
    secret = new_secret()
    assert ours(f"curl -u x:{secret}")
    assert not ours(f"curl -u x:{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}")
