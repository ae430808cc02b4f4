"""Every column that holds what a key-encryption key has sealed, for commands that count or renew it.

Here, because no layer below knows all of them. A test looks for columns that are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runplane.server.answers.keeper import sealing_context as answer_context
from runplane.server.answers.tables import kept_answers
from runplane.server.audit.sealing import KEY_CONTEXT
from runplane.server.audit.tables import audit_keys
from runplane.server.identity.keyring import sealing_context as signing_context
from runplane.server.identity.sealed.model import Place
from runplane.server.identity.tables import signing_keys
from runplane.server.organization.clusters.service import agent_secret_context
from runplane.server.organization.clusters.tables import clusters

PLACES: Final = (
    Place(
        "signing keys",
        signing_keys,
        "kid",
        "sealed",
        lambda row, names: signing_context(names[row["tenant_id"]], row["kid"]),
        others=("tenant_id",),
    ),
    Place(
        "secrets of agents", clusters, "id", "agent_secret", lambda row, _: agent_secret_context(row["id"])
    ),
    Place(
        "kept answers",
        kept_answers,
        "lookup",
        "sealed",
        lambda row, _: answer_context(bytes(row["lookup"]), row["id"]),
        others=("id",),
    ),
    Place("keys of the audit log", audit_keys, "id", "sealed", lambda _row, _names: KEY_CONTEXT),
)


def listed(counts: Mapping[str, int]) -> str:
    """How many values of which kind, as words: `signing keys (3), kept answers (1)`."""
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
