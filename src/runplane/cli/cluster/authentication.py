"""`runplane cluster auth-config`: from a realm's public metadata to flags or a file."""

from __future__ import annotations

from runplane.cli.connect import Target, reach
from runplane.cli.failures import CliError, WrongUsage
from runplane.cli.files import read_text
from runplane.cli.session.oauth import discover, realm_of
from runplane.protocol.cluster_authentication import API_VERSIONS, USERNAME_CLAIMS, ClusterAuthentication


def written(target: Target, form: str, username_claim: str, api_version: str) -> tuple[str, list[str]]:
    """The text, and sentences on what an API server would refuse. Raises CliError."""
    for given, known, flag in (
        (form, ("flags", "file"), "--format"),
        (username_claim, USERNAME_CLAIMS, "--username-claim"),
        (api_version, API_VERSIONS, "--api-version"),
    ):
        if given not in known:
            raise WrongUsage(f"{flag} is one of {', '.join(known)}.")
    with reach(target) as transport:
        realm = discover(transport, realm_of(transport))
    if not realm.algorithms:
        raise CliError(f"{transport.url} does not say which algorithm it signs with.")
    found = ClusterAuthentication(
        realm.issuer,
        realm.algorithms,
        username_claim,
        ca_file=str(target.ca_file) if target.ca_file else "",
        ca_certificate=read_text(target.ca_file) if target.ca_file else "",
    )
    text = "\n".join(found.flags()) if form == "flags" else found.configuration(api_version).rstrip("\n")
    return text, found.warnings()
