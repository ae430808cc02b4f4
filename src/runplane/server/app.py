"""The composition root: settings → database → kernel → rooms. The only place where parts meet."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import structlog

from runplane import __version__
from runplane.server import bootstrap, welcome
from runplane.server.answers.keeper import Answers
from runplane.server.api import rooms
from runplane.server.api.metrics import Live, Scrape
from runplane.server.audit.chain import Chain, open_key
from runplane.server.audit.journal import Journal
from runplane.server.core.clock import Clock, SystemClock
from runplane.server.core.errors import Unavailable
from runplane.server.core.pace import Pace
from runplane.server.core.turns import CURRENT, SERVER
from runplane.server.http.fleet import open_fleet
from runplane.server.http.limits import Limits
from runplane.server.http.metrics import RequestMetrics
from runplane.server.http.operation import Operation
from runplane.server.http.pipeline import Kernel
from runplane.server.http.request import Receive, Scope, Send
from runplane.server.http.tracing import WrongVariable, open_tracing
from runplane.server.identity.authenticator import Authenticator
from runplane.server.identity.credentials import CredentialBook
from runplane.server.identity.kek_ring import open_ring
from runplane.server.identity.passwords import PasswordGate, PasswordHasher, PasswordPolicy
from runplane.server.identity.realms import Realms
from runplane.server.identity.schedule import RotationSchedule
from runplane.server.identity.service import Identity, IdentityRules
from runplane.server.identity.store import select_signing_keys
from runplane.server.identity.throttle import Throttle
from runplane.server.identity.trusts.fetch import Fetcher
from runplane.server.identity.trusts.keys import IssuerKeys
from runplane.server.identity.vault import KeyEncryptionKey, VaultError, sealed_with
from runplane.server.jobs.worker import Worker
from runplane.server.notices.opening import open_notices
from runplane.server.organization.reports.service import job_kind as report_job
from runplane.server.settings import Settings, SettingsError
from runplane.server.sql.engine import Database, sqlite_file
from runplane.server.sql.freshness import POLL_SECONDS, Freshness
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.prepared import Reader
from runplane.server.sql.probing import storage_trouble
from runplane.server.sql.unit import Unit, Units


@dataclass(frozen=True, slots=True)
class Stores:
    """The database and what runs on it."""

    database: Database
    freshness: Freshness
    units: Units
    lanes: Lanes


def open_stores(settings: Settings, clock: Clock) -> Stores:
    """Open the database and bring its schema up to date. Raises SchemaTooNew and database errors."""
    file = sqlite_file(settings.database_url)
    for folder in {settings.data_dir, file.parent if file else settings.data_dir}:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    migrate(database)
    freshness = Freshness()
    units = Units(database, freshness, clock)
    lanes = Lanes(units, Pace(settings.limits.tenant_percent))
    return Stores(database, freshness, units, lanes)


def open_identity(
    settings: Settings, stores: Stores, clock: Clock, hasher: PasswordHasher | None = None
) -> Identity:
    """Wire the identity service over an open database."""
    group = GroupCommit(stores.lanes)
    kek = _kek_of(settings, stores)
    realms = Realms(
        kek,
        settings.public_url,
        clock=clock,
        leeway=settings.tokens.leeway_seconds,
        lost=stores.freshness.changed,
    )
    return Identity(
        rules=IdentityRules(
            token_seconds=settings.tokens.lifetime_seconds,
            session_seconds=settings.tokens.session_days * 86400,
            browser_seconds=settings.tokens.browser_session_hours * 3600,
            refresh_seconds=settings.tokens.refresh_days * 86400,
            temporary_seconds=settings.passwords.temporary_hours * 3600,
            password_grant=settings.tokens.password_grant,
            algorithm=settings.tokens.algorithm,
            keys_kept_seconds=settings.keys.kept_seconds,
        ),
        clock=clock,
        lanes=stores.lanes,
        realms=realms,
        book=CredentialBook(stores.lanes, stores.freshness, clock),
        authenticator=Authenticator(realms, stores.lanes, stores.freshness, clock),
        hasher=hasher or PasswordHasher(),
        gate=PasswordGate(settings.passwords.workers, neighbours=stores.lanes.pace.neighbours),
        policy=PasswordPolicy(settings.passwords.minimum_length),
        throttle=Throttle(),
        journal=Journal(group, clock, open_key(stores.units, kek)),
        group=group,
        kek=kek,
        public_url=settings.public_url.rstrip("/"),
        issuers=IssuerKeys(Fetcher(settings.trusts.internal_issuers, settings.trusts.ca_file).get),
        chart_repository=settings.chart_repository,
    )


def open_kek(settings: Settings) -> KeyEncryptionKey:
    """The key-encryption key: given, or kept in a file that is made at the first start."""
    keys = settings.keys
    return open_ring(
        keys.key_encryption_key or keys.key_encryption_key_file, keys.previous_key_encryption_key
    )


def _kek_of(settings: Settings, stores: Stores) -> KeyEncryptionKey:
    """As `open_kek`, but a key file is made for an empty database only.

    Raises VaultError where the file has been lost, or was not handed to a further replica: a new key would
    open nothing, and hide that the right one is missing.
    """
    file = settings.keys.key_encryption_key_file
    if settings.keys.key_encryption_key is None and not file.exists():
        keys = stores.units.read(select_signing_keys)
        # another first start may have made both meanwhile
        if keys and not file.exists():
            raise VaultError(
                f"there is no such file, and the database was sealed with the key-encryption key "
                f"{sealed_with(bytes(keys[-1][3]))}. Put {file} back from a backup or from another replica."
            )
    return open_kek(settings)


class App:
    """A server ready to be run: an ASGI application with start-up and shutdown."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, hasher: PasswordHasher | None = None
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._stopping = False
        try:
            self.tracing = open_tracing(os.environ, __version__)
        except WrongVariable as error:
            raise SettingsError(error.name, error.sentence) from error
        # the loop the server runs on, once it does
        self.loop: asyncio.AbstractEventLoop
        self.stores = open_stores(settings, self._clock)
        self.identity = open_identity(settings, self.stores, self._clock, hasher)
        self.first_admin = self._prepare()
        self.stores.units.read(self.identity.realms.load)
        metrics = RequestMetrics()
        self.chain = Chain(
            self.stores.lanes, self._clock, self.identity.journal.key, settings.audit.retention_days
        )
        live = Live(self.identity, self.chain, self.stores.freshness)
        self.scrape = Scrape(
            [metrics, self.identity.counts, live],
            self.stores.lanes,
            open_fleet(os.environ),
            settings.metrics.token,
        )
        self.operations = rooms.operations(self.identity, ready=self._ready, scrape=self.scrape)
        if self.tracing is not None:
            self.stores.lanes.trace = self.tracing.unit
        self.notices = open_notices(settings, self.stores.lanes, self._clock)
        self.answers = Answers(self.stores.lanes, self.identity.group, self._clock, self.identity.kek)
        self.kernel = self._kernel(metrics)

    def _kernel(self, metrics: RequestMetrics) -> Kernel:
        settings = self.settings
        return Kernel(
            self.operations,
            answers=self.answers,
            lanes=self.stores.lanes,
            authenticator=self.identity.authenticator,
            journal=self.identity.journal,
            metrics=metrics,
            limits=Limits(
                client=settings.limits.client_per_minute,
                source=settings.limits.source_per_minute,
                agent=settings.limits.agent_per_minute,
            ),
            trusted_proxies=settings.trusted_networks,
            tracing=self.tracing,
            https=settings.public_url.startswith("https://"),
        )

    def _prepare(self) -> bootstrap.FirstAdmin | None:
        password = self.settings.admin.password
        return bootstrap.prepare(
            self.stores.units,
            open_kek(self.settings),
            self.identity.hasher,
            data_dir=self.settings.data_dir,
            algorithm=self.settings.tokens.algorithm,
            kept_seconds=self.settings.keys.kept_seconds,
            admin_email=self.settings.admin.email,
            admin_password=password.reveal() if password is not None else None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "http":
            await self.kernel(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Between start-up and shutdown: caches are fed; at the end pending records are stored."""
        self.loop = asyncio.get_running_loop()
        # tasks take it over from here; requests say whose they are
        CURRENT.set(SERVER)
        await self.stores.lanes.read(self.stores.freshness.poll)
        self.stores.database.watch()
        self.stores.lanes.start()
        schedule = RotationSchedule(self.identity, self.settings.keys.rotate_days * 86400)
        sealing = asyncio.create_task(self.chain.run())
        background = [
            asyncio.create_task(it)
            for it in (
                self._poll(),
                self.answers.sweep(),
                schedule.run(),
                self.notices.run(),
                self.scrape.keep(),
            )
        ]
        worker = Worker(self.stores.lanes, self._clock, [report_job()])
        working = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            self.stores.database.hurry()
            for task in background:
                task.cancel()
            for ended in await asyncio.gather(*background, return_exceptions=True):
                # what is left to store must not be lost with it
                if isinstance(ended, Exception):
                    structlog.get_logger("app").error("a background task failed", exc_info=ended)
            worker.stop()
            await working
            await self.identity.group.drain()
            self.chain.stop()
            await sealing
            if self.tracing is not None:
                await asyncio.to_thread(self.tracing.close)
            self.close()

    def close(self) -> None:
        """Stop threads and give up connections."""
        self.identity.gate.close()
        self.stores.lanes.close()
        self.stores.database.close()

    async def _poll(self) -> None:
        log = structlog.get_logger("freshness")
        while True:
            await asyncio.sleep(POLL_SECONDS)
            # While polls fail nothing counts as fresh, so requests ask the database themselves.
            try:
                await self.stores.lanes.look(self._catch_up)
            except Unavailable:
                continue
            except Exception:
                log.exception("poll failed")

    def _catch_up(self, reader: Reader) -> None:
        self.identity.kek.keep_up()
        self.stores.freshness.poll(reader)
        # of another process: a new key, or a tenant whose host must not pass for one that names none
        self.identity.realms.keep_up(reader, self.stores.freshness.versions())

    def stop_soon(self) -> None:
        """Say at `/readyz` from now on that this server is about to stop."""
        self._stopping = True

    async def _ready(self) -> str | None:
        if self._stopping:
            raise Unavailable("The server is stopping.", retry_after=1)
        # a crowd of callers does not make the server unfit
        CURRENT.set(SERVER)

        def job(unit: Unit) -> None:
            self.stores.freshness.poll(unit)

        await self.stores.lanes.read(job)
        return await storage_trouble(self.stores.lanes)

    def welcome(self) -> str:
        """What to print once the server listens."""
        return welcome.text(self.settings, self.first_admin)


def build(settings: Settings) -> App:
    """A server over `settings`. Migrates and fills the database if need be."""
    return App(settings)


def operations_for_inspection() -> list[Operation]:
    """Every operation, for tools that never call one: no database is opened."""
    nothing: Any = None
    return rooms.operations(nothing, ready=nothing, scrape=nothing)
