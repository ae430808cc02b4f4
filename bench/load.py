"""One run of wrk: what to send, and what came back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.process import BenchError

_SCRIPT = Path(__file__).parent / "lua" / "load.lua"
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load sends: one request, requests for random `paths`, or one per line of `tokens`."""

    method: str
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str | None = None
    # one path per line, chosen at random for each request
    paths: Path | None = None
    # one bearer token per line, each used once; the first `skip` are left out
    tokens: Path | None = None
    skip: int = 0
    # where to append the access tokens that come back
    save: Path | None = None

    def as_lua(self) -> str:
        """The table that load.lua reads."""
        texts = {
            "method": self.method,
            "path": self.path,
            "body": self.body,
            "paths": self.paths,
            "tokens": self.tokens,
            "save": self.save,
        }
        members = [f"{name} = {_quoted(str(text))}" for name, text in texts.items() if text is not None]
        headers = [f"[ {_quoted(name)} ] = {_quoted(value)}" for name, value in self.headers.items()]
        return (
            f"return {{ {', '.join(members)}, skip = {self.skip}, headers = {{ {', '.join(headers)} }} }}\n"
        )


class Outcome(msgspec.Struct, frozen=True):
    """What wrk counted; times in microseconds. `bad` are responses that are not 2xx."""

    good: int
    bad: int
    first_bad: str
    walked: int
    exhausted: int
    socket_errors: int
    wall_us: int
    p50_us: int
    p99_us: int


def require_wrk() -> None:
    """Raises BenchError where wrk or taskset is not installed."""
    if shutil.which("wrk") is None:
        raise BenchError("The bench needs the load generator wrk; on Debian and Ubuntu: apt-get install wrk")
    if shutil.which("taskset") is None:
        raise BenchError("The bench needs taskset; on Debian and Ubuntu: apt-get install util-linux")


def drive(url: str, plan: Plan, *, seconds: int, core: int, scratch: Path) -> Outcome:
    """Load `url` for `seconds` from `core`. Raises BenchError unless every response was a 2xx."""
    table = scratch / "plan.lua"
    table.write_text(plan.as_lua())
    command = [
        *("taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"),
        *("-s", str(_SCRIPT), url, "--", str(table)),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    reports = [line for line in ran.stdout.splitlines() if line.startswith("BENCH ")]
    if ran.returncode != 0 or not reports:
        raise BenchError(f"wrk failed: {ran.stderr.strip() or ran.stdout.strip()}")
    outcome = msgspec.json.decode(reports[0].removeprefix("BENCH ").encode(), type=Outcome)
    if outcome.bad or outcome.socket_errors or not outcome.good:
        raise BenchError(
            f"{url} {plan.method} {plan.path}: {outcome.good} good responses, {outcome.bad} others"
            f" (the first: {outcome.first_bad or 'none'}), {outcome.socket_errors} socket errors."
        )
    if outcome.exhausted:
        raise BenchError(
            f"{outcome.exhausted} requests found no unused token; raise the number that is minted."
        )
    return outcome


def _quoted(text: str) -> str:
    if "]==]" in text:
        raise ValueError("text with ]==] cannot be quoted for Lua")
    return f"[==[{text}]==]"
