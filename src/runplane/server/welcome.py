"""What the server says once it listens: where things are, and a curl line that works as printed."""

from __future__ import annotations

from runplane.server.bootstrap import FirstAdmin
from runplane.server.settings import Settings


def text(settings: Settings, first_admin: FirstAdmin | None) -> str:
    """The lines for the terminal. A generated password is shown here once; it also lies in its file."""
    url = settings.public_url
    lines = [
        "",
        f"  runplane is ready at {url}",
        f"  API documentation:   {url}/api/docs",
        "",
    ]
    if first_admin is not None:
        lines += [*_first(url, first_admin), ""]
    else:
        lines += ["  Get a token:", *_token(url, settings.admin.email, "<your password>"), ""]
    return "\n".join(lines)


def _first(url: str, admin: FirstAdmin) -> list[str]:
    if admin.password is None:
        return [
            f"  First administrator: {admin.email}, with the password you gave.",
            "",
            "  Get a token:",
            *_token(url, admin.email, "$RUNPLANE_ADMIN_PASSWORD", quote='"'),
        ]
    change = f'{{"currentPassword": "{admin.password}", "newPassword": "<at least 12 characters>"}}'
    return [
        f"  First administrator: {admin.email}",
        f"  Temporary password:  {admin.password}",
        f"  It is shown once and kept in {admin.password_file}; the first sign-in asks for a new one.",
        "",
        "  Get a token, then choose your own password with it:",
        *_token(url, admin.email, admin.password),
        f"    curl -X POST {url}/api/v1/me/password \\",
        "      -H 'Authorization: Bearer <accessToken>' -H 'Content-Type: application/json' \\",
        f"      -d '{change}'",
    ]


def _token(url: str, email: str, password: str, quote: str = "'") -> list[str]:
    body = f'{{"grantType": "password", "username": "{email}", "password": "{password}"}}'
    if quote == '"':
        body = body.replace('"', '\\"')
    return [
        f"    curl -X POST {url}/api/v1/token -H 'Content-Type: application/json' \\",
        f"      -d {quote}{body}{quote}",
    ]
