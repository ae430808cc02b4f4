"""client_credentials and its older name app_token: a client id (or a service account's name) and a secret.

The hot path of the server. A secret is 256 random bits, so a wrong one is refused without counting against
the account: locking it would only let strangers lock it. Its source is counted.
"""

from __future__ import annotations

from runplane.server.audit.journal import Note
from runplane.server.core.clock import Instant, instant
from runplane.server.core.errors import GrantRefused
from runplane.server.core.secrets import scrub
from runplane.server.core.turns import agents_of, callers_of
from runplane.server.identity.credentials import Credential, store_uses
from runplane.server.identity.records import ClientKind, SecretRow
from runplane.server.identity.scopes import scope_of_client
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import (
    Issued,
    TokenRequest,
    asked_for,
    client_id_token,
    client_token,
    expiry_warning,
)

_WARN_SECONDS = 14 * 86400


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """A token for a service account, an access key or the agent of a cluster."""
    now = identity.clock.epoch()
    at = instant(now)
    credential, secret = await authenticate(identity, request, at)
    # only now: strangers who know a client id must not use up what its owner may do
    request.charge(credential.subject_id)
    whose = agents_of if credential.client.kind == ClientKind.CLUSTER else callers_of
    await identity.lanes.pace.enter(whose(request.realm.tenant_id))
    scope = await scope_of_client(identity, request, credential) if request.scope else ""
    lifetime = request.lifetime(identity.rules.token_seconds)
    token, expires_in = client_token(request.realm, credential, now, lifetime, scope)
    client = credential.client
    subject, subject_type = credential.subject
    note = Note(client.kind, client.id, client.name, asked_for(request))
    identity.record_sign_in(request, subject, subject_type, 200, note)
    identity.group.put(store_uses, (client.id, secret.id, client.owner_id), at)
    warning = None
    if secret.expires_at is not None or client.expires_at is not None:
        warning = _warning(credential, secret, instant(now + _WARN_SECONDS))
    # an ID token has no scope, and clusters take it for the whole subject
    wanted = request.openid and not scope
    id_token = client_id_token(request.realm, credential, now, expires_in) if wanted else None
    return Issued(token, expires_in, id_token=id_token, scope=scope or None, warning=warning)


async def authenticate(
    identity: Identity, request: TokenRequest, at: Instant
) -> tuple[Credential, SecretRow]:
    """The credential whose secret the request proves at `at`, and that secret.

    Raises GrantRefused, recording the attempt, and Throttled.
    """
    if not request.client_id or not request.client_secret:
        raise GrantRefused(
            "invalid_request" if not request.basic else "invalid_client",
            "Send a client id and a client secret.",
            challenge=request.basic,
        )
    credential = await identity.book.find(request.realm.tenant_id, request.client_id)
    secret = credential.secret_for(request.client_secret, at) if credential is not None else None
    if credential is None or secret is None:
        raise _wrong(identity, request)
    _check_usable(identity, request, credential, at)
    return credential, secret


def _wrong(identity: Identity, request: TokenRequest) -> GrantRefused:
    now = identity.monotonic()
    # raises Throttled for a source that has tried too many different secrets
    identity.throttle.admit(request.client_id, request.source_ip, now)
    identity.throttle.failed(request.client_id, request.source_ip, request.client_secret, now, lockable=False)
    # People swap the two fields: what arrives as an id may be a secret.
    identity.record_sign_in(request, scrub(request.client_id), "App", 400, Note("service-account"))
    return GrantRefused(
        "invalid_client", "The client id or the client secret is wrong.", challenge=request.basic
    )


def _check_usable(identity: Identity, request: TokenRequest, credential: Credential, at: Instant) -> None:
    # Whoever gets here has proved the secret, so the sentence may say what is the matter.
    client, owner = credential.client, credential.owner
    if not client.enabled:
        problem = f"The service account {client.name} is disabled; ask an administrator to enable it."
    elif client.expires_at is not None and client.expires_at <= at:
        problem = f"{client.name} expired at {client.expires_at}; create a new one."
    elif owner is not None and not owner.enabled:
        problem = "The user who owns this access key is disabled."
    else:
        return
    identity.record_sign_in(request, *credential.subject, 400, Note(client.kind, client.id, client.name))
    raise GrantRefused("invalid_client", problem, challenge=request.basic)


def _warning(credential: Credential, secret: SecretRow, horizon: Instant) -> str | None:
    for what, expires_at in (("secret", secret.expires_at), ("credential", credential.client.expires_at)):
        if expires_at is not None and expires_at <= horizon:
            return expiry_warning(credential.client.name, what, expires_at)
    return None
