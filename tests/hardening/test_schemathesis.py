"""The published document against the running server: generated requests, and chains of them.

schemathesis makes requests from the document and holds the answers against it: no 5xx, no status, type,
header or body that the document does not promise. In the suite a few of each; `RUNPLANE_FULL=1` makes many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as given_by
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server
from support.trials import FULL, Figure, trials

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# operation → why it is not asked
LEFT_OUT = {
    "logout": "it ends the session that all the others are asked with",
    "get_openapi_yaml": "schemathesis reads YAML before it compares types, and the type is text",
}
QUIET = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
    derandomize=not FULL,
)


@pytest.fixture(scope="module")
def schema(server: Server) -> Any:
    return openapi.from_url(f"{server.url}/api/docs/swagger.json")


@pytest.fixture
def asked(server: Server) -> Iterator[dict[str, Any]]:
    """How a request is sent: as the administrator, over one kept connection."""
    import requests

    with requests.Session() as session:
        # not of the session: what is generated would win over that
        bearer = {"authorization": f"Bearer {server.token(ADMIN_EMAIL, ADMIN_PASSWORD)}"}
        yield {"base_url": server.url, "session": session, "headers": bearer}


def operations(schema: Any) -> list[Any]:
    found = [it.ok() for it in schema.get_all_operations()]
    named = [(it.definition.raw["operationId"], it) for it in found]
    assert LEFT_OUT.keys() <= {name for name, _ in named}
    return [it for name, it in named if name not in LEFT_OUT and "501" not in it.definition.raw["responses"]]


@pytest.mark.clause("http.described")
@pytest.mark.timeout(3600 if FULL else 120)
def test_every_operation_keeps_its_word(schema: Any, asked: dict[str, Any], figure: Figure) -> None:
    seen, faults = Counter[int](), dict[str, str]()
    for operation in operations(schema):

        @settings(QUIET, max_examples=trials(1, 100))
        @given_by(case=operation.as_strategy())
        def examine(case: Any) -> None:
            answer = case.call(**asked)
            seen[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        try:
            examine()
        except* Exception as found:  # noqa: BLE001 - every kind of failure is one line of the result
            faults[operation.label] = str(found.exceptions[0])[:600]
    figure("requests of schemathesis by status", dict(sorted(seen.items())))
    assert faults == {}
    assert seen[200] + seen[201] > 0


@pytest.mark.timeout(3600 if FULL else 120)
def test_chains_of_requests_keep_their_word(schema: Any, asked: dict[str, Any], figure: Figure) -> None:
    """What one answer names, the next request asks for: created, read, changed, deleted, asked for again."""
    seen, faults = Counter[int](), dict[str, str]()

    class Chains(schema.exclude(operation_id=list(LEFT_OUT)).as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, _: Any) -> dict[str, Any]:
            return dict(asked)

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            seen[response.status_code] += 1
            if response.status_code == 501:
                return
            # kept and not raised: hypothesis would do it all again, and a server does not start anew
            try:
                case.validate_response(response, checks=[*CHECKS, checks.use_after_free])
            except* Exception as found:  # noqa: BLE001 - as above
                faults[case.operation.label] = str(found.exceptions[0])[:600]

    for number in range(trials(6, 500)):
        # the links that there are depend on what the server has answered, so a run cannot be repeated
        with suppress(FlakyStrategyDefinition):
            few = settings(QUIET, max_examples=4, stateful_step_count=trials(8, 12))
            seed(number)(Chains).run(settings=few)
    figure("requests in chains by status", dict(sorted(seen.items())))
    assert faults == {}
    assert seen[200] + seen[201] > 0
