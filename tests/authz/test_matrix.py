"""Every persona against every operation, each at its own scope, above, beside and in another tenant.

The operations are those the server registers, so a new one is examined the moment it exists. What is expected
comes from `authz.oracle`, which shares no code with the server's decision.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from authz.cases import Case, cases
from authz.oracle import Outcome
from authz.things import Things
from authz.world import FIRST, FIRST_TENANT, SECOND, Answer, World, tenant_of
from runplane.server.app import operations_for_inspection
from runplane.server.authz.guard import Form

pytestmark = pytest.mark.slow

EVERYTHING = [it for it in operations_for_inspection() if it.allow.form is not Form.PUBLIC]
BUILT = [it for it in EVERYTHING if it.status != 501]
UNBUILT = [it for it in EVERYTHING if it.status == 501]

# What a caller may do and these personas cannot bring to a good end.
STOPS_AT = {
    "change_user_password": (400, "the request does not know the current password"),
    "logout": (400, "the personas signed in with a client's secret, which opens no session"),
}

# What the sentence of a refusal speaks of; a missing permission is named itself.
WORDS = {
    Outcome.CONFINED: ("temporary password",),
    Outcome.NOT_A_PERSON: ("service account", "access key"),
    Outcome.OUTRANKED: ("more than",),
    Outcome.NOT_ITS_OWNER: ("settings:update",),
    Outcome.NOT_AN_AGENT: ("agent",),
    Outcome.AGENT: ("agent",),
}


@pytest.mark.clause("authz.hidden", "bearer.forbidden")
@pytest.mark.parametrize("operation", BUILT, ids=lambda it: it.id)
def test_an_operation_does_what_the_rules_say(operation: Any, world: World, things: Things) -> None:
    made = [case for persona in world.personas for case in cases(operation, persona, things, world)]
    refused = [case for case in made if case.outcome is not Outcome.ALLOWED]
    allowed = [case for case in made if case.outcome is Outcome.ALLOWED]
    before = world.contents()
    wrong = [fault for case in refused if (fault := _fault(operation, case, world))]
    assert wrong == []
    assert world.contents() == before, "a refused request changed something"
    wrong = [fault for case in allowed if (fault := _fault(operation, case, world))]
    assert wrong == []
    assert allowed, "nobody at all may do this"


def _fault(operation: Any, case: Case, world: World) -> str | None:
    """What is wrong with the answer to a case, None if nothing is."""
    answer = world.caller.send(case.method, case.url, case.persona.token, case.body)
    status, message = _effective(answer)
    problem = _problem(operation, case, world, answer, status, message)
    if problem is None:
        return None
    asked = f"{case.method} {case.url} by {case.persona} ({case.label})"
    return f"{asked} should end in {case.outcome.value}: {problem}: {answer.status} {answer.text[:300]}"


def _effective(answer: Answer) -> tuple[int, str]:
    """Status and sentence; of a batch, those of its one member."""
    if not answer.text.startswith("{"):
        return answer.status, ""
    body = answer.json
    if answer.status == 200 and body.get("failed"):
        return body["failed"][0]["code"], body["failed"][0]["message"]
    return answer.status, body.get("message") or ""


def _problem(
    operation: Any, case: Case, world: World, answer: Answer, status: int, message: str
) -> str | None:
    if case.outcome is Outcome.ALLOWED:
        return _problem_of_success(operation, case, answer, status)
    if case.outcome is Outcome.UNSEEN:
        return _problem_of_absence(case, world, status, message)
    if case.outcome is Outcome.UNKNOWN_CALLER:
        good = status == 401 and "www-authenticate" in answer.headers
        return None if good else "not refused as unknown"
    words = WORDS.get(case.outcome) or (operation.allow.permission.text,)
    if status != 403 or not any(it in message for it in words):
        return f"the sentence says nothing of {' or '.join(words)}"
    decision = answer.json.get("decision")
    if decision is not None and decision["permission"] != operation.allow.permission.text:
        return "the decision names another permission"
    return None


def _problem_of_success(operation: Any, case: Case, answer: Answer, status: int) -> str | None:
    stop = STOPS_AT.get(operation.id)
    if stop is not None:
        return None if status == stop[0] else f"not {stop[0]}, though {stop[1]}"
    if not 200 <= status < 300:
        return "refused"
    if operation.tag == "AuditLogs":
        # It repeats the addresses that callers of its own tenant sent, other tenants' things in them too;
        # that it holds no other tenant's records is tested with the log itself.
        return None
    mark = SECOND if tenant_of(case.persona.place) == FIRST_TENANT else FIRST
    return "shows another tenant's things" if mark in answer.text else None


def _problem_of_absence(case: Case, world: World, status: int, message: str) -> str | None:
    if status != 404:
        return "tells that it exists"
    absent = world.caller.send(case.method, case.absent_url, case.persona.token, case.absent_body)
    status, sentence = _effective(absent)
    if status != 404:
        return f"what does not exist is not a 404 but {status} {absent.text[:200]}"
    return None if _anonymous(message) == _anonymous(sentence) else f"differs from {sentence!r}"


def _anonymous(sentence: str) -> str:
    """A sentence without the identifier that was asked for."""
    return re.sub(r"'[^']*'", "'…'", sentence)


def test_what_is_not_built_says_so_to_the_signed_in_and_nothing_to_others(world: World) -> None:
    assert UNBUILT
    somebody = next(it for it in world.personas if it.token and it.role is None and not it.confined)
    confined = next(it for it in world.personas if it.confined)
    for operation in UNBUILT:
        for persona, status in ((None, 401), (confined, 403), (somebody, 501)):
            answer = world.caller.send(operation.method, operation.path, persona and persona.token)
            assert answer.status == status, (operation.id, str(persona), answer.text)
