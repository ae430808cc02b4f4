"""`runplane serve --workers N`: keeps N workers on its sockets, and replaces them one by one on SIGHUP.

The supervisor opens no database and answers no request, so there is little in it that can fail, and it does
not notice a new release: each worker is a fresh process that loads the code and the settings of its day. The
first worker starts alone and fills the database, and the others find it filled. A worker that cannot start
ends everything at the start; later it is tried again for as long as another one serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from runplane.server.commands.child import Child
from runplane.server.commands.failures import BAD_SETTINGS, FAILED, CommandFailed
from runplane.server.commands.sockets import shown
from runplane.server.settings import Loaded, Settings, SettingsError

STOP_SECONDS: Final = 9.5
"""How long a worker gets to end, beside `drain_seconds`, before it is killed."""
START_SECONDS: Final = 300.0
"""How long a worker may take to serve while others do, before it is killed.

One starts in seconds. The first of a new release may have to change a large table, for minutes; but it also
waits for a lock on the database, and without an end where whoever holds it hangs.
"""
FIRST_PAUSE: Final = 0.5
"""The pause before a worker that died soon is started again; it doubles each time."""
LAST_PAUSE: Final = 30.0
"""The longest pause."""
STEADY_SECONDS: Final = 30.0
"""A worker that has lived this long did not die of its start: it is replaced without a pause."""
_LOOK_SECONDS: Final = 0.05


class CannotStart(Exception):
    """A worker ended before it served. `code` is its exit code, or the negative number of a signal."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Supervisor:
    """Runs workers on `sockets` until a signal.

    `reload` reads the settings again; `say` gets the welcome once every worker listens. The folder `run_dir`
    is removed at the end.
    """

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        run_dir: Path,
        *,
        reload: Callable[[], Loaded],
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._sockets = sockets
        self._reload = reload
        self._say = say
        self._run_dir = run_dir
        # who serves under each number, and every process that has not ended
        self._serving: dict[int, Child] = {}
        self._living: set[Child] = set()
        self._pauses: dict[int, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._code = 0
        self._hangup = asyncio.Event()
        self._has_terminal = has_terminal()
        self._log = structlog.get_logger("supervisor")

    async def run(self, adopted: Mapping[int, Child] | None = None) -> int:
        """Supervise until a signal; returns the exit code. `adopted` are workers that serve already."""
        loop = asyncio.get_running_loop()
        for it in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(it, self._end, 0)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        # a process that was alone before has kept it for now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        for slot, child in (adopted or {}).items():
            self._living.add(child)
            self._now_serving(slot, child)
        self._spawn(self._keep_up(first=not adopted))
        await self._ended.wait()
        for it in self._tasks:
            it.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_workers()
        shutil.rmtree(self._run_dir, ignore_errors=True)
        return self._code

    def _end(self, code: int) -> None:
        if not self._ended.is_set():
            self._code = code if code >= 0 else FAILED
            self._ended.set()

    def _hung_up(self) -> None:
        if self._has_terminal and not has_terminal():
            # A terminal that closes sends the same signal.
            self._end(0)
        else:
            self._hangup.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("the supervisor failed", exc_info=error)
            self._end(FAILED)

    async def _keep_up(self, *, first: bool) -> None:
        if first:
            try:
                welcome = await self._start_all()
            except CannotStart as error:
                self._log.error("a worker cannot start", **told_of(error.code))
                self._end(error.code)
                return
            settings = self._settings.listening_on(self._sockets[0].getsockname()[1])
            addresses = shown(self._sockets)
            self._log.info(
                "listening", addresses=addresses, public_url=settings.public_url, workers=settings.workers
            )
            self._say(welcome)
        else:
            self._log.info("workers replaced", workers=len(self._serving))
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            await self._replace_all()

    async def _start_all(self) -> str:
        """Start the first workers; returns what the one that may have filled the database has to say."""
        # Nobody serves yet who would be kept waiting, and an old database may have a long way to go.
        welcome = await self._start(0, patient=True)
        others = [asyncio.create_task(self._start(slot)) for slot in range(1, self._settings.workers)]
        try:
            await asyncio.gather(*others)
        finally:
            for it in others:
                it.cancel()
        return welcome

    async def _start(self, slot: int, *, patient: bool = False) -> str:
        """Start a worker, and send away the one with the same number. Raises CannotStart.

        A `patient` one waits without end for the worker to serve.
        """
        child = _begun(slot, self._run_dir, self._sockets)
        self._living.add(child)
        try:
            welcome = await _ready(child, None if patient else START_SECONDS)
        except CannotStart:
            self._living.discard(child)
            raise
        self._now_serving(slot, child)
        return welcome

    def _now_serving(self, slot: int, child: Child) -> None:
        before = self._serving.get(slot)
        self._serving[slot] = child
        self._spawn(self._watch(slot, child))
        if before is not None:
            self._send_away(before)

    def _send_away(self, child: Child) -> None:
        child.replaced()
        asyncio.get_running_loop().call_later(STOP_SECONDS, self._kill, child)

    def _kill(self, child: Child) -> None:
        if child in self._living:
            self._log.warning("worker did not end in time and was killed", worker=child.slot)
            child.kill()

    async def _watch(self, slot: int, child: Child) -> None:
        """Wait until a worker has ended, and start another one if it still had its place."""
        code = await child.gone()
        self._living.discard(child)
        if self._serving.get(slot) is not child:
            return
        del self._serving[slot]
        lived = time.monotonic() - child.started_at
        self._log.error("a worker ended; another one is started", worker=slot, **told_of(code))
        self._pauses[slot] = 0.0 if lived >= STEADY_SECONDS else self._longer(slot)
        await self._revive(slot)

    def _longer(self, slot: int) -> float:
        return min(max(self._pauses.get(slot, 0.0) * 2, FIRST_PAUSE), LAST_PAUSE)

    async def _revive(self, slot: int) -> None:
        while True:
            await asyncio.sleep(self._pauses[slot])
            if slot in self._serving or slot >= self._settings.workers:
                return
            try:
                await self._start(slot)
            except CannotStart as error:
                if error.code == BAD_SETTINGS and not self._serving:
                    self._end(error.code)
                    return
                self._pauses[slot] = self._longer(slot)
                self._log.error(
                    "a worker cannot start; it is tried again", worker=slot, **told_of(error.code)
                )
            else:
                return

    async def _replace_all(self) -> None:
        try:
            settings = self._reload().settings
        except SettingsError as error:
            self._log.error("settings not read again; the running workers stay", problem=str(error))
            return
        self._settings = settings
        self._log.info("replacing the workers", workers=settings.workers)
        for slot in range(settings.workers):
            try:
                await self._start(slot)
            except CannotStart as error:
                self._log.error(
                    "a new worker cannot start; those not replaced yet stay until the next SIGHUP",
                    worker=slot,
                    **told_of(error.code),
                )
                return
        for slot in [it for it in self._serving if it >= settings.workers]:
            self._send_away(self._serving.pop(slot))
        self._log.info("workers replaced", workers=settings.workers)

    async def _stop_workers(self) -> None:
        for it in self._sockets:
            # what nobody will accept is to be refused, not to wait
            it.close()
        for it in self._living:
            it.terminate()
        deadline = time.monotonic() + self._settings.drain_seconds + STOP_SECONDS
        while self._living and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
            self._living = {it for it in self._living if it.process.poll() is None}
        for it in self._living:
            self._kill(it)


async def _ready(child: Child, within: float | None) -> str:
    """Wait until a worker serves: what it says then.

    Raises CannotStart once it has ended. One that does not serve `within` so many seconds is killed.
    """
    welcome = None
    try:
        async with asyncio.timeout(within):
            welcome = await child.ready()
    except TimeoutError:
        structlog.get_logger("supervisor").error(
            "a starting worker did not serve in time and was killed; see what it waits for, often the "
            "database. `runplane admin db migrate` has all the time it needs for a new schema",
            worker=child.slot,
            seconds=within,
        )
        child.kill()
    if welcome is None:
        raise CannotStart(await child.gone())
    return welcome


async def start_successors(
    slots: Iterable[int], run_dir: Path, sockets: list[socket.socket]
) -> dict[int, Child]:
    """Workers that serve beside this process. Raises CannotStart, with all of them ended."""
    started: dict[int, Child] = {}
    try:
        for slot in slots:
            child = started[slot] = _begun(slot, run_dir, sockets)
            await _ready(child, START_SECONDS)
    except CannotStart:
        for it in started.values():
            it.terminate()
        raise
    return started


def _begun(slot: int, run_dir: Path, sockets: list[socket.socket]) -> Child:
    """A worker that has been started. Raises CannotStart also where the system starts no process.

    That passes, as when an upgrade is just replacing the program, and must not end those that serve.
    """
    try:
        return Child(slot, run_dir, sockets)
    except OSError as error:
        log = structlog.get_logger("supervisor")
        log.warning("the system starts no process", worker=slot, reason=error.strerror)
        raise CannotStart(FAILED) from error


def make_run_dir() -> Path:
    """A new folder that only this user can look into. Raises CommandFailed."""
    try:
        return Path(tempfile.mkdtemp(prefix="runplane-"))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise CommandFailed(
            f"No folder for what the workers share can be made: {reason}; set TMPDIR to another one."
        ) from None


def has_terminal() -> bool:
    """Whether this process has a controlling terminal that is open."""
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return False


def told_of(code: int) -> dict[str, Any]:
    """How a process ended, for the log."""
    return {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}
