from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from runplane.server.api import health
from runplane.server.core.errors import Unavailable

Ready = Callable[[], Awaitable[None]]


async def always() -> None:
    pass


async def never() -> None:
    await asyncio.Event().wait()


async def refusing() -> None:
    raise Unavailable("The server is stopping.", retry_after=1)


async def ask(name: str, ready: Ready = always, **options: Any) -> Any:
    operations = health.operations(ready, **options)
    return await next(it for it in operations if it.id == name).handler(None)


def test_a_process_that_answers_is_alive_whatever_the_database_does() -> None:
    assert asyncio.run(ask("get_healthz", refusing)).status == "alive"


def test_ready_once_the_database_answers() -> None:
    assert asyncio.run(ask("get_readyz")).status == "ready"


def test_not_ready_says_why() -> None:
    with pytest.raises(Unavailable, match="stopping"):
        asyncio.run(ask("get_readyz", refusing))


def test_a_database_that_hangs_is_not_waited_for() -> None:
    with pytest.raises(Unavailable, match=r"within 0\.01 seconds"):
        asyncio.run(ask("get_readyz", never, seconds=0.01))


def test_probes_share_one_question_while_it_is_open() -> None:
    asked: list[asyncio.Event] = []

    async def slow() -> None:
        asked.append(asyncio.Event())
        await asked[-1].wait()

    async def run() -> None:
        readiness = health.Readiness(slow, 0.01)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await readiness.check()
        assert len(asked) == 1
        asked[0].set()
        await readiness.check()
        assert len(asked) == 1
        # The next one asks anew: an answer is not kept.
        with pytest.raises(Unavailable):
            await readiness.check()
        assert len(asked) == 2

    asyncio.run(run())


def test_a_question_that_fails_after_nobody_waits_leaves_no_complaint() -> None:
    complaints: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        go_on = asyncio.Event()

        async def late() -> None:
            await go_on.wait()
            raise Unavailable("Too late.")

        readiness = health.Readiness(late, 0.01)
        with pytest.raises(Unavailable):
            await readiness.check()
        go_on.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del readiness
        gc.collect()

    asyncio.run(run())
    assert complaints == []
