"""What is measured: tokens, reads of one person, lists of fifty, memory, the time to the first token."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import msgspec

from bench import command_line, peer_servers
from bench.deployment import Deployment, last_login, sign_ins
from bench.load import CONNECTIONS, Plan
from bench.measure import Bench, Result, Subject
from bench.process import BenchError, Server
from bench.seed import add_people

_PEOPLE = 2000
_STARTS = 5
_HELPS = 11
_PATH = "/api/v1/users"
_LIST = f"{_PATH}?limit=50"
# More tokens than any server here can verify on one core in a second, so that a run never needs one twice.
_VERIFIED_PER_SECOND = 18_000


class Limits(msgspec.Struct, frozen=True):
    """Memory before and after all loads (MB); seconds from exec to the first token, and of CPU until then.

    `help_seconds` is the time that `runplane --help` takes, which is what every command takes to begin.
    """

    idle_memory_mb: float
    memory_mb: float
    cold_start_seconds: float
    cold_start_cpu_seconds: float
    cold_starts: list[float]
    help_seconds: float


class Ledger(msgspec.Struct, frozen=True):
    """What the audit log holds of the token calls: calls answered, rows, calls those rows stand for."""

    tokens: int
    audit_rows: int
    audited: int
    last_login: str


class Everything(msgspec.Struct, frozen=True):
    """All results of one invocation."""

    results: list[Result]
    limits: Limits | None
    ledger: Ledger


class _Stock:
    """A file of tokens that nobody has used, made longer when a run may need more than it holds."""

    def __init__(self, bench: Bench, ours: Deployment) -> None:
        self.file = bench.scratch / "tokens.txt"
        self._bench = bench
        self._ours = ours
        self._count = 0

    def hold(self, count: int) -> None:
        """Have at least `count` tokens in the file."""
        while self._count < count:
            self._bench.say(f"  (minting: {self._count:,} of {count:,} tokens)")
            minted = self._bench.load(self._ours.url, self._ours.token_plan(self.file), 4)
            self._count += minted.good


@dataclass(slots=True)
class _Walk:
    """How far one server has used up the stock."""

    stock: _Stock
    paths: Path
    seconds: int
    used: int = 0

    def plan(self) -> Plan:
        self.stock.hold(self.used + self.seconds * _VERIFIED_PER_SECOND)
        return Plan("GET", _PATH, paths=self.paths, tokens=self.stock.file, skip=self.used)

    def advance(self, count: int) -> None:
        self.used += count


class Scenarios:
    """All scenarios against one deployment. Raises BenchError when a response or a record is missing."""

    def __init__(self, bench: Bench, server_core: int, wanted: frozenset[str]) -> None:
        self._bench = bench
        self._core = server_core
        self._wanted = wanted
        self._folder = bench.scratch
        self._ours = Deployment(self._folder, server_core)
        self._paths = self._folder / "paths.txt"

    def run(self) -> Everything:
        """Set up, measure, check the records."""
        with self._ours.start() as server:
            server.wait(self._ours.ready)
            self._ours.set_up()
        people = add_people(self._ours.database, _PEOPLE)
        self._paths.write_text("".join(f"{_PATH}/{user_id}\n" for user_id in people))
        # A server that has just built its database holds what that took; what is measured is any later start.
        self._ours.password_calls = 0
        with self._ours.start() as server:
            server.wait(self._ours.ready)
            idle = server.rss_mb()
            results = [*self._tokens(server), *self._reads(server)]
            memory = server.rss_mb()
            answered = self._ours.tokens_answered()
        ledger = self._ledger(answered)
        limits = self._limits(idle, memory) if "limits" in self._wanted else None
        return Everything(results, limits, ledger)

    def _limits(self, idle: float, memory: float) -> Limits:
        starts = [self._ours.time_to_first_token() for _ in range(_STARTS)]
        walls = [round(wall, 3) for wall, _ in starts]
        cpu = median(spent for _, spent in starts)
        told = round(median(command_line.time_of_help(self._core) for _ in range(_HELPS)), 3)
        return Limits(round(idle, 1), round(memory, 1), median(walls), round(cpu, 2), walls, told)

    def _tokens(self, server: Server) -> list[Result]:
        if "token" not in self._wanted:
            return []
        with ExitStack() as stack:
            bare = stack.enter_context(peer_servers.starlette_token(self._ours, self._folder, self._core))
            subjects = [
                Subject("runplane", server, self._ours.token_plan),
                Subject("starlette", bare, self._ours.token_plan),
            ]
            skipped: dict[str, str] = {}
            try:
                node = peer_servers.oidc_provider(self._ours, self._folder, self._core)
                plan = peer_servers.oidc_plan(self._ours)
                subjects.append(Subject("oidc_provider", stack.enter_context(node), lambda: plan))
            except BenchError as error:
                skipped["oidc_provider"] = str(error)
                self._bench.say(f"Without oidc_provider: {error}")
            return [self._bench.compare("token", "Token by client credentials", subjects, skipped)]

    def _reads(self, server: Server) -> list[Result]:
        if not self._wanted & {"read_warm", "read_first_seen", "list_50"}:
            return []
        with peer_servers.starlette_read(self._ours, self._folder, self._core) as bare:
            self._check_equal(server.url, bare.url)
            results: list[Result] = []
            bearer = {"Authorization": f"Bearer {self._ours.token()}"}
            if "read_warm" in self._wanted:
                plan = Plan("GET", _PATH, headers=bearer, paths=self._paths)
                results.append(self._both("read_warm", "Read one user, one token", server, bare, plan))
            if "list_50" in self._wanted:
                plan = Plan("GET", _LIST, headers=bearer)
                results.append(self._both("list_50", "List 50 users, one token", server, bare, plan))
            if "read_first_seen" in self._wanted:
                results.append(self._first_seen(server, bare))
            return results

    def _both(self, name: str, title: str, server: Server, bare: Server, plan: Plan) -> Result:
        subjects = [
            Subject("runplane", server, lambda: plan),
            Subject("starlette", bare, lambda: plan),
        ]
        return self._bench.compare(name, title, subjects)

    def _first_seen(self, server: Server, bare: Server) -> Result:
        timing = self._bench.timing
        longest = max(timing.seconds, timing.warm_up)
        stock = _Stock(self._bench, self._ours)
        ours, theirs = _Walk(stock, self._paths, longest), _Walk(stock, self._paths, longest)
        subjects = [
            Subject("runplane", server, ours.plan, ours.advance),
            Subject("starlette", bare, theirs.plan, theirs.advance),
        ]
        return self._bench.compare("read_first_seen", "Read one user, each token once", subjects)

    def _check_equal(self, ours: str, theirs: str) -> None:
        bearer = {"Authorization": f"Bearer {self._ours.token()}"}
        one = self._paths.read_text().splitlines()[_PEOPLE // 2]
        for path in (one, _LIST):
            answers = [httpx.get(f"{url}{path}", headers=bearer).json() for url in (ours, theirs)]
            if answers[0] != answers[1]:
                raise BenchError(f"The two servers answer {path} differently; the comparison means nothing.")

    def _ledger(self, answered: int) -> Ledger:
        rows, audited = sign_ins(self._ours.database, "bench")
        used = last_login(self._ours.database, "bench")
        plan = (self._ours.url, self._ours.token_plan().path)
        counted, cut_off = self._bench.good[plan], self._bench.runs[plan] * CONNECTIONS
        # wrk hangs up with requests under way: those are answered and recorded, but not counted by it
        if not counted <= answered <= counted + cut_off + self._ours.token_calls:
            raise BenchError(f"wrk counted {counted} token calls, the server {answered}.")
        if audited != answered:
            raise BenchError(f"The audit log stands for {audited} token calls, but {answered} were answered.")
        if answered and not used:
            raise BenchError("The service account has no last login after its token calls.")
        return Ledger(answered, rows, audited, used or "")


ALL = frozenset({"token", "read_warm", "read_first_seen", "list_50", "limits"})
