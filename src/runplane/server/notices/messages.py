"""A notice in words: as JSON for programs and as a sentence for people. It never holds anything secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.secrets import Secret
from runplane.server.identity.records import ClientKind
from runplane.server.notices.model import DAY, Expiring, Notice

EVENT: Final = "credential.expiring"
TEST_EVENT: Final = "test"
_PREFIX: Final = "whsec_"
_NOUNS: Final = {
    ClientKind.SERVICE_ACCOUNT.value: "service account",
    ClientKind.ACCESS_KEY.value: "access key",
}


def sample(at: Instant) -> Notice:
    """A notice of a credential that does not exist, for trying the way."""
    credential = Expiring(
        id="00000000-0000-0000-0000-000000000000",
        tenant_id=0,
        tenant="example",
        kind=ClientKind.SERVICE_ACCOUNT.value,
        name="example",
        client_id="00000000-0000-0000-0000-000000000000",
        owner="",
        created_by="runplane admin notices test",
        expires_at=instant(to_epoch(at) + 7 * DAY),
    )
    return Notice(f"test-{int(to_epoch(at) * 1000)}", credential, 7, at, 7 * DAY, sample=True)


def body(notice: Notice) -> bytes:
    """The JSON that the webhook gets."""
    it = notice.credential
    told: dict[str, Any] = {
        "type": TEST_EVENT if notice.sample else EVENT,
        "timestamp": notice.at,
        "data": {
            "text": sentence(notice),
            "days": notice.days,
            "secondsLeft": int(notice.left),
            "tenant": {"id": str(it.tenant_id), "name": it.tenant},
            "credential": {
                "kind": it.kind,
                "id": it.id,
                "name": it.name,
                "clientId": it.client_id,
                "owner": it.owner or None,
                "createdBy": it.created_by,
                "expiresAt": it.expires_at,
            },
        },
    }
    return msgspec.json.encode(told)


def noun(kind: str) -> str:
    """What people call a kind of credential."""
    return _NOUNS.get(kind, kind)


def signed_headers(notice: Notice, content: bytes, secret: Secret | None) -> dict[str, str]:
    """The headers of a webhook's request, with a signature where there is a secret."""
    at = str(int(to_epoch(notice.at)))
    headers = {"webhook-id": notice.id, "webhook-timestamp": at}
    if secret is not None:
        message = b".".join((notice.id.encode(), at.encode(), content))
        made = hmac.new(_key(secret), message, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(made).decode()}"
    return headers


def sentence(notice: Notice) -> str:
    """What happens, when, and what it means."""
    it = notice.credential
    whose = f" of {it.owner}" if it.owner else ""
    return (
        f"The {noun(it.kind)} {it.name}{whose} (tenant {it.tenant}) expires in "
        f"{span(notice.left)}, at {it.expires_at}. From then on whoever uses it is refused."
    )


def _key(secret: Secret) -> bytes:
    """The bytes of a secret: base64 after whsec_, as the specification writes it, or the text itself."""
    text = secret.reveal()
    if text.startswith(_PREFIX):
        try:
            return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except ValueError:
            pass
    return text.encode()


def span(seconds: float) -> str:
    """A time to wait in words."""
    if seconds >= 2 * DAY:
        return f"{round(seconds / DAY)} days"
    hours = max(1, round(seconds / 3600))
    return f"{hours} hours" if hours > 1 else "an hour"
