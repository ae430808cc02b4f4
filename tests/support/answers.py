"""What every answer of the server has to say to browsers and caches, whatever it is an answer to."""

from __future__ import annotations

import re
from collections.abc import Mapping

# What may be kept: files whose names change with their content, keys for as long as the key set says, and
# files that are asked for again each time.
KEPT = ("public, max-age=31536000, immutable", "no-cache")
_AGE = re.compile(r"public, max-age=(\d+)")
_LONGEST_KEYS = 3600


def careless(headers: Mapping[str, str], *, https: bool = False) -> list[str]:
    """What is wrong with the headers of an answer (names in lower case); nothing for a good one."""
    wrong: list[str] = []
    policy = headers.get("content-security-policy", "")
    if headers.get("x-content-type-options") != "nosniff":
        wrong.append("types may be guessed")
    if "frame-ancestors 'none'" not in policy:
        wrong.append("it may be framed")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        wrong.append("it may run what it was not given")
    if headers.get("referrer-policy") != "no-referrer":
        wrong.append("its address may be told to others")
    if ("strict-transport-security" in headers) is not https:
        wrong.append("Strict-Transport-Security is for https only, and there always")
    if "server" in headers or "x-powered-by" in headers:
        wrong.append("it says what it is made of")
    if any(name.startswith("access-control-") for name in headers):
        wrong.append("other origins are let in")
    return wrong + _cached(headers)


def _cached(headers: Mapping[str, str]) -> list[str]:
    said = headers.get("cache-control", "")
    age = _AGE.fullmatch(said)
    if said == "no-store" or said in KEPT or (age is not None and int(age[1]) <= _LONGEST_KEYS):
        return []
    return [f"caches are told {said!r}"]
