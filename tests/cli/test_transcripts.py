"""What commands print, command by command: the transcripts in `golden/`, replayed against a server.

What differs from run to run (ids, instants, secrets, ports) is masked. RUNPLANE_WRITE_GOLDEN=1 writes the
files anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from runplane.cli.program import CLIENT
from runplane.cli.resources.kinds import KINDS
from support.cli import Line
from support.cli_tree import leaves
from support.server import Server

pytestmark = pytest.mark.detail

FOLDER = Path(__file__).parent / "golden"
MASKS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID" + "." * 34),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "INSTANT"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"((?:secret|password): +|Secret\": \"|Password\": \")[^\s\"]+"), r"\1SECRET"),
)
COMMANDS = (*KINDS, "can-i", "why", "completion")


def typed(transcript: Path) -> list[str]:
    """The commands of a transcript."""
    lines = transcript.read_text(encoding="utf-8").splitlines()
    return [it.removeprefix("$ ") for it in lines if it.startswith("$ ")]


def replayed(line: Line, transcript: Path) -> Iterator[str]:
    """Each command with what it prints, masked."""
    for command in typed(transcript):
        code, out, err = line(*shlex.split(command)[1:])
        shown = [*out.rstrip("\n").splitlines(), *(f"! {it}" for it in err.splitlines())]
        text = "\n".join([*shown, *([f"= {code}"] if code else [])])
        for mask, word in MASKS:
            text = mask.sub(word, text)
        yield f"$ {command}\n{text}".rstrip("\n")


@pytest.mark.parametrize("name", sorted(it.stem for it in FOLDER.glob("*.txt")))
def test_commands_print_what_the_transcript_says(line: Line, make_server: type[Server], name: str) -> None:
    transcript = FOLDER / f"{name}.txt"
    line.log_in(make_server())
    found = "\n\n".join(replayed(line, transcript)) + "\n"
    if os.environ.get("RUNPLANE_WRITE_GOLDEN"):
        transcript.write_text(found, encoding="utf-8")
    assert found == transcript.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_resource_command_has_a_transcript(name: str) -> None:
    seen = {command for it in FOLDER.glob("*.txt") for command in typed(it)}
    for path in leaves(CLIENT[name].load(name), (name,)):
        # the exception is about Kubernetes, and test_cluster_auth_config has it
        start = " ".join(("runplane", *path))
        assert path == ("cluster", "auth-config") or any(it.startswith(start) for it in seen)
