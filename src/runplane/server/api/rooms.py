"""Every room, in one list: adding a family is one folder and one line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runplane import __version__
from runplane.server.api import (
    access_keys,
    administration,
    apps,
    audit,
    auth,
    authorization,
    cluster_authentication,
    clusters,
    console,
    docs,
    health,
    logo,
    logout,
    me,
    metrics,
    network_topologies,
    node_pools,
    nodes,
    org_unit,
    security,
    service_accounts,
    session,
    storage_class_configuration,
    storage_classes,
    tenants,
    token,
    trusts,
    unbuilt,
    user_applications,
    users,
)
from runplane.server.api.internal import agent
from runplane.server.api.legacy_k8s import apps as legacy_apps
from runplane.server.api.legacy_k8s import auth as legacy_auth
from runplane.server.api.legacy_k8s import groups as legacy_groups
from runplane.server.api.legacy_k8s import organization as legacy_organization
from runplane.server.api.legacy_k8s import setting as legacy_setting
from runplane.server.api.legacy_k8s import users as legacy_users
from runplane.server.http.openapi import document
from runplane.server.http.operation import Operation
from runplane.server.identity.browser import BrowserSessions
from runplane.server.identity.service import Identity
from runplane.server.organization.settings import security as security_settings


def operations(
    identity: Identity, *, ready: Callable[[], Awaitable[str | None]], scrape: metrics.Scrape
) -> list[Operation]:
    """All operations of the server: what is built, and a 501 for each of the contract's others."""
    built = [
        *_signing_in(identity),
        *_legacy(identity),
        *security.operations(),
        *logo.operations(),
        *tenants.operations(identity),
        *audit.operations(),
        *service_accounts.operations(identity),
        *trusts.operations(identity),
        *apps.operations(identity),
        *access_keys.operations(identity),
        *user_applications.operations(identity),
        *administration.operations(),
        *users.operations(identity),
        *authorization.operations(),
        *me.operations(identity),
        *clusters.operations(identity),
        *cluster_authentication.operations(identity),
        *org_unit.operations(identity),
        *agent.operations(),
        *node_pools.operations(),
        *network_topologies.operations(),
        *nodes.operations(),
        *storage_classes.operations(),
        *storage_class_configuration.operations(),
        *health.operations(ready),
        *metrics.operations(scrape),
        *console.operations(identity),
    ]
    found = [*built, *unbuilt.operations(built)]
    # the document lists its own routes too, so it is made from the finished list
    found += docs.operations(lambda: document(found, title="runplane", version=__version__, server_url="/"))
    return found


def _signing_in(identity: Identity) -> list[Operation]:
    browsers = BrowserSessions(identity, security_settings.idle_seconds)
    return [
        *token.operations(identity),
        *session.operations(identity, browsers),
        *auth.operations(identity, browsers),
        *logout.operations(),
    ]


def _legacy(identity: Identity) -> list[Operation]:
    return [
        *legacy_auth.operations(identity),
        *legacy_setting.operations(),
        *legacy_organization.operations(identity),
        *legacy_users.operations(identity),
        *legacy_groups.operations(),
        *legacy_apps.operations(identity),
    ]
