"""The room of authorization: roles, access rules, permissions, and why something is allowed or not."""

from runplane.server.api.authorization import custom_roles, explain, me, permissions, roles
from runplane.server.api.authorization.access_rules import routes as access_rules
from runplane.server.http.operation import Operation


def operations() -> list[Operation]:
    """Every operation below /api/v1/authorization and /api/v2/authorization."""
    rooms = (
        roles.ops,
        custom_roles.ops,
        custom_roles.sets,
        access_rules.ops,
        permissions.ops,
        me.ops,
        explain.ops,
    )
    return [operation for room in rooms for operation in room.items]
