"""How an API server of Kubernetes is told to take this installation's tokens: as flags, or as a file.

Server and command line both write it, which is why it stands here. The user name is the e-mail address, as in
the role bindings that people write by hand; machines have none, so that an API server refuses their tokens
unless it is set up with `sub`, the subject's id. Both forms leave names without a prefix, as the older flags
did. The file also refuses names that begin with `system:`, which the flags cannot: a group of an identity
provider must not become one of the cluster's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

AUDIENCE: Final = "runai"
USERNAME_CLAIMS: Final = ("email", "sub")
API_VERSIONS: Final = ("v1", "v1beta1")
"""Of apiserver.config.k8s.io: the second for Kubernetes before 1.34."""

# What an API server can verify at all; with a file it takes each of them.
_VERIFIABLE: Final = frozenset(
    {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"}
)


@dataclass(frozen=True, slots=True)
class ClusterAuthentication:
    """What there is to know. `ca_file` is where the API server's host keeps the certificate of the issuer's
    authority, `ca_certificate` its text (PEM); both are empty for a public authority."""

    issuer: str
    algorithms: tuple[str, ...]
    username_claim: str = USERNAME_CLAIMS[0]
    ca_file: str = ""
    ca_certificate: str = ""

    def warnings(self) -> list[str]:
        """Sentences on what an API server will not take."""
        found: list[str] = []
        if not self.issuer.startswith("https://"):
            found.append(
                f"API servers take an issuer over https only, and this one is {self.issuer}; "
                "set RUNPLANE_PUBLIC_URL to the https address of this server."
            )
        unfit = [it for it in self.algorithms if it not in _VERIFIABLE]
        if unfit:
            found.append(
                f"API servers verify no {', '.join(unfit)}; set RUNPLANE_TOKENS_ALGORITHM to ES256 or RS256 "
                "before the first start."
            )
        return found

    def flags(self) -> list[str]:
        """The flags of kube-apiserver, one each."""
        found = [
            f"--oidc-issuer-url={self.issuer}",
            f"--oidc-client-id={AUDIENCE}",
            f"--oidc-username-claim={self.username_claim}",
            "--oidc-username-prefix=-",
            "--oidc-groups-claim=groups",
            f"--oidc-signing-algs={','.join(self.algorithms)}",
        ]
        return [*found, f"--oidc-ca-file={self.ca_file}"] if self.ca_file else found

    def configuration(self, version: str = API_VERSIONS[0]) -> str:
        """An AuthenticationConfiguration in YAML, for --authentication-config."""
        signed = ", ".join(self.algorithms)
        lines = [
            f"# Tokens are signed with {signed}. The file has no field for it: API servers",
            "# take every asymmetric algorithm they know. It does not go together with --oidc flags.",
            f"apiVersion: apiserver.config.k8s.io/{version}",
            "kind: AuthenticationConfiguration",
            "jwt:",
            "- issuer:",
            f"    url: {json.dumps(self.issuer)}",
            "    audiences:",
            f"    - {AUDIENCE}",
            *self._authority(),
            "  claimMappings:",
            "    username:",
            f"      claim: {self.username_claim}",
            '      prefix: ""',
            "    groups:",
            "      claim: groups",
            '      prefix: ""',
            "  userValidationRules:",
            "  - expression: \"!user.username.startsWith('system:')\"",
            '    message: "the user name may not begin with system:"',
            "  - expression: \"user.groups.all(it, !it.startsWith('system:'))\"",
            '    message: "no group may begin with system:"',
        ]
        return "\n".join(lines) + "\n"

    def _authority(self) -> list[str]:
        if not self.ca_certificate:
            return []
        text = self.ca_certificate.strip().splitlines()
        return ["    certificateAuthority: |", *(f"      {line}" for line in text)]
