"""django-oauth-toolkit as a token and resource server on SQLite, run by gunicorn with four threads.

The toolkit's access tokens are opaque; its hook for generators gives ES256 ones here. Its default of hashing
client secrets as slowly as passwords is switched off: that costs a quarter of a second for every token.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

OPTIONS: dict[str, Any] = json.loads(Path(os.environ["BENCH_OPTIONS"]).read_text())
KEY = JWK.generate(kty="EC", crv="P-256", kid="bench")


def sign(request: Any, refresh_token: bool = False) -> str:
    """An access token of the toolkit: signed, and stored by the toolkit nevertheless."""
    at = int(time.time())
    claims = {
        "iss": "bench",
        "sub": request.client.client_id,
        "iat": at,
        "exp": at + 3600,
        "jti": os.urandom(12).hex(),
    }
    token = JWT(header={"alg": "ES256", "kid": "bench"}, claims=claims)
    token.make_signed_token(KEY)
    return str(token.serialize())


def configure() -> None:
    """Settings of the smallest project that runs the toolkit."""
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": OPTIONS["database"],
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "transaction_mode": "IMMEDIATE"},
    }
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        OAUTH2_PROVIDER={"ACCESS_TOKEN_GENERATOR": f"{__name__}.sign", "ACCESS_TOKEN_EXPIRE_SECONDS": 3600},
    )
    django.setup()


configure()

from django.contrib.auth.models import User  # noqa: E402 - only after the settings
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402


@protected_resource()  # type: ignore[untyped-decorator]
def person(request: Any, number: int) -> JsonResponse:
    """One row of Django's own table of people."""
    found = User.objects.get(pk=number)
    return JsonResponse({"id": found.pk, "name": found.username, "email": found.email})


urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("people/<int:number>", person),
]


def make() -> Any:
    """The application that gunicorn runs."""
    if not Path(OPTIONS["database"]).exists():
        call_command("migrate", verbosity=0)
        Application.objects.create(
            client_id=OPTIONS["clientId"],
            client_secret=OPTIONS["clientSecret"],
            hash_client_secret=False,
            client_type="confidential",
            authorization_grant_type="client-credentials",
        )
        people = [User(username=f"person-{n}", email=f"p{n}@example.com") for n in range(2000)]
        User.objects.bulk_create(people)
    return get_wsgi_application()
