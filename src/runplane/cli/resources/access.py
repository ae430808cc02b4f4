"""The resources about who may do what: people, machines, roles, rules; and the tenant's settings and log."""

from __future__ import annotations

from typing import Final

from runplane.cli.resources.fields import (
    DESCRIPTION,
    ENABLED,
    EXPIRES_AT,
    NAME,
    SCOPE_HELP,
    has_subject,
    json_into,
    names_into,
    number_into,
    scope,
    subject,
    text_or_null,
)
from runplane.cli.resources.model import Action, Field, Kind

_RENEW: Final = Action(
    "renew-secret",
    "secret",
    "Make a new secret, shown once. The old one ends at once, or after --overlap.",
    "has a new secret",
    (("overlap", "TIME", "How long the old secret still works, as 30m or 24h."),),
)

USER: Final = Kind(
    name="user",
    plural="users",
    path="/api/v1/users",
    key="username",
    about="Work with local users.",
    verbs=("list", "get", "create", "delete"),
    columns=(("USER", "username"), ("LAST LOGIN", "lastLogin"), ("LOCAL", "isLocal")),
    more=(("CREATED", "createdAt"), ("CREATED BY", "createdBy"), ("GROUPS", "groups"), ("ID", "id")),
    actions=(
        Action(
            "reset-password",
            "password",
            "Give a temporary password, shown once. It must be changed at the next sign-in.",
            "has a temporary password",
        ),
        Action("logout", "logout", "End the sessions and tokens of a user.", "is logged out", secret=False),
    ),
    secrets=("tempPassword",),
    paged=True,
    search="server",
    examples={
        "list": ("runplane user list", "runplane user list --filter isLocal==true --sort -lastLogin"),
        "get": ("runplane user get ada@example.com",),
        "create": ("runplane user create ada@example.com",),
        "delete": ("runplane user delete ada@example.com --yes",),
        "reset-password": ("runplane user reset-password ada@example.com",),
        "logout": ("runplane user logout ada@example.com",),
    },
)

SERVICE_ACCOUNT: Final = Kind(
    name="service-account",
    plural="service-accounts",
    path="/api/v1/service-accounts",
    about="Work with service accounts.",
    columns=(("NAME", "name"), ("CLIENT ID", "clientId"), ("ENABLED", "enabled"), ("EXPIRES", "expiresAt")),
    more=(("LAST LOGIN", "lastLogin"), ("CREATED BY", "createdBy"), ("ID", "id")),
    fields=(EXPIRES_AT, ENABLED),
    actions=(_RENEW,),
    secrets=("clientSecret",),
    examples={
        "list": ("runplane service-account list",),
        "get": ("runplane service-account get nightly",),
        "create": (
            "runplane service-account create nightly",
            "runplane service-account create nightly --expires-at 2027-01-31T00:00:00Z -o json",
        ),
        "update": ("runplane service-account update nightly --disable",),
        "delete": ("runplane service-account delete nightly --yes",),
        "renew-secret": ("runplane service-account renew-secret nightly --overlap 1h",),
    },
)

ACCESS_KEY: Final = Kind(
    name="access-key",
    plural="access-keys",
    path="/api/v1/access-keys",
    member="accessKeys",
    about="Work with your own access keys.",
    verbs=("list", "get", "create", "delete"),
    columns=(("NAME", "name"), ("CLIENT ID", "clientId"), ("EXPIRES", "expiresAt")),
    more=(("LAST LOGIN", "lastLogin"), ("CREATED", "createdAt"), ("ID", "id")),
    fields=(EXPIRES_AT,),
    actions=(_RENEW,),
    secrets=("clientSecret",),
    examples={
        "list": ("runplane access-key list",),
        "get": ("runplane access-key get laptop",),
        "create": ("runplane access-key create laptop",),
        "delete": ("runplane access-key delete laptop --yes",),
        "renew-secret": ("runplane access-key renew-secret laptop",),
    },
)

ACCESS_RULE: Final = Kind(
    name="access-rule",
    plural="access-rules",
    path="/api/v1/authorization/access-rules",
    member="accessRules",
    key="id",
    about="Work with access rules: who has which role where.",
    verbs=("list", "get", "create", "delete"),
    columns=(
        ("ID", "id"),
        ("SUBJECT", "subjectId"),
        ("TYPE", "subjectType"),
        ("ROLE", "roleName"),
        ("SCOPE", "scopeType"),
        ("SCOPE NAME", "scopeName"),
    ),
    more=(("CREATED", "createdAt"), ("CREATED BY", "createdBy")),
    fields=(
        Field("--role", "The role that is given.", number_into("roleId", "role"), "NAME", required=True),
        Field("--scope", SCOPE_HELP, scope, "SCOPE", required=True),
        Field("--user", "E-mail address of a person.", subject("user"), "EMAIL"),
        Field("--group", "A group of the identity provider.", subject("group"), "NAME"),
        Field(
            "--service-account",
            "A service account.",
            subject("service-account"),
            "NAME",
            absent=has_subject,
        ),
    ),
    paged=True,
    search="server",
    examples={
        "list": (
            "runplane access-rule list --filter subjectType==user",
            "runplane access-rule list --search ada@example.com",
        ),
        "get": ("runplane access-rule get 7",),
        "create": (
            "runplane access-rule create --user ada@example.com --role Viewer --scope project/team-a",
            "runplane access-rule create --service-account nightly --role Editor --scope tenant",
        ),
        "delete": ("runplane access-rule delete 7 --yes",),
    },
)

ROLE: Final = Kind(
    name="role",
    plural="roles",
    path="/api/v2/authorization/roles",
    about="Work with roles.",
    columns=(("ID", "id"), ("NAME", "name"), ("CUSTOM", "custom"), ("ENABLED", "enabled")),
    more=(("DESCRIPTION", "description"), ("CREATED BY", "createdBy")),
    fields=(
        NAME,
        DESCRIPTION,
        Field(
            "--permission-set",
            "A set of permissions it has; may be repeated.",
            names_into("permissionSets"),
            "NAME",
            list,
            required=True,
        ),
        Field(
            "--kubernetes-role",
            "The role of its holders in the cluster.",
            text_or_null("kubernetesPermissions", "predefinedRole"),
            "NAME",
        ),
        ENABLED,
    ),
    takes=("name", "description", "enabled", "permissionSets", "kubernetesPermissions"),
    update_method="PUT",
    examples={
        "list": ("runplane role list", "runplane role list --search admin -o wide"),
        "get": ("runplane role get Viewer -o yaml",),
        "create": ("runplane role create auditors -f auditors.yaml",),
        "update": ("runplane role update auditors --disable",),
        "delete": ("runplane role delete auditors --yes",),
    },
)

SETTING: Final = Kind(
    name="setting",
    plural="settings",
    path="/v1/k8s/setting",
    id="key",
    key="key",
    about="Look at the settings of the tenant and change them.",
    verbs=("list", "get", "update"),
    columns=(("KEY", "key"), ("VALUE", "value"), ("CATEGORY", "category")),
    more=(("TYPE", "type"), ("DESCRIPTION", "description")),
    fields=(
        Field("--value", "Its new value: text, or JSON such as true or 12.", json_into("value"), "VALUE"),
    ),
    keyed=True,
    update_method="PUT",
    examples={
        "list": ("runplane setting list", "runplane setting list --search department"),
        "get": ("runplane setting get department.limit-projects",),
        "update": ("runplane setting update department.limit-projects --value true",),
    },
)

AUDIT: Final = Kind(
    name="audit",
    plural="audit-records",
    path="/api/v1/audit/log",
    member="audit_logs",
    key="id",
    about="Read the audit log.",
    verbs=("list",),
    columns=(
        ("TIME", "timestamp"),
        ("SUBJECT", "subject"),
        ("ACTION", "action"),
        ("TYPE", "entity_type"),
        ("NAME", "entity_name"),
        ("RESULT", "result"),
    ),
    more=(("METHOD", "http_method"), ("STATUS", "http_status_code"), ("URL", "url"), ("FROM", "source_ip")),
    paged=True,
    search="none",
    spans=True,
    limit_name="numberOfSamples",
    limit=100,
    examples={
        "list": (
            "runplane audit list",
            "runplane audit list --since 7d --filter result==Failed --all -o json",
            "runplane audit list --since 2027-01-01T00:00:00Z --until 2027-02-01T00:00:00Z --limit 20",
        ),
    },
)
