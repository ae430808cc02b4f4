"""Signing keys: made, sealed for the database, opened again, published as JWKS (RFC 7517).

The database holds only sealed private keys. The sealing context is the realm and the key's id, so that a row
copied to another tenant does not open there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runplane.server.core.clock import Instant
from runplane.server.identity.jose import (
    ALGORITHMS,
    DEFAULT_ALGORITHM,
    Minter,
    PrivateKey,
    key_id,
    private_from_der,
    private_to_der,
    public_jwk,
)
from runplane.server.identity.vault import KeyEncryptionKey, VaultError
from runplane.server.identity.verify import VerificationKey


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A key that signs the tokens of one realm. `kid` follows from the key (see `jose.key_id`)."""

    kid: str
    algorithm: str
    private: PrivateKey
    created_at: Instant

    def __repr__(self) -> str:
        return f"SigningKey({self.kid}, {self.algorithm})"

    @classmethod
    def generate(cls, created_at: Instant, algorithm: str = DEFAULT_ALGORITHM) -> SigningKey:
        """A new key. `algorithm` is a name in `jose.ALGORITHMS`. RS256 takes up to a second."""
        private = ALGORITHMS[algorithm].generate()
        return cls(key_id(algorithm, private.public_key()), algorithm, private, created_at)

    @classmethod
    def unseal(
        cls,
        sealed: bytes,
        *,
        kid: str,
        algorithm: str,
        created_at: Instant,
        realm: str,
        kek: KeyEncryptionKey,
    ) -> SigningKey:
        """The key of a stored row. VaultError when it does not open or is not the key that the row names."""
        der = kek.open(sealed, sealing_context(realm, kid))
        try:
            private = private_from_der(algorithm, der)
        except (KeyError, ValueError):
            raise VaultError(f"The stored signing key {kid} is not a key for {algorithm}.") from None
        if key_id(algorithm, private.public_key()) != kid:
            raise VaultError(f"The stored signing key {kid} is another key than its row says.")
        return cls(kid, algorithm, private, created_at)

    def seal(self, kek: KeyEncryptionKey, realm: str) -> bytes:
        """The private key as the database keeps it."""
        return kek.seal(private_to_der(self.private), sealing_context(realm, self.kid))

    def minter(self) -> Minter:
        """What signs tokens with this key. Keep it: making one costs more than minting."""
        return Minter(self.kid, self.algorithm, self.private)

    def verification_key(self) -> VerificationKey:
        """The public half, for a Verifier."""
        return VerificationKey(self.kid, self.algorithm, self.private.public_key())


def jwks(keys: Iterable[VerificationKey]) -> dict[str, list[dict[str, str]]]:
    """The JWKS document of these keys: public members only, in the order given."""
    return {"keys": [public_jwk(key.algorithm, key.public, key.kid) for key in keys]}


def verification_keys(keys: Iterable[SigningKey]) -> dict[str, VerificationKey]:
    """The keys by id, as a Verifier takes them."""
    return {key.kid: key.verification_key() for key in keys}


def sealing_context(realm: str, kid: str) -> bytes:
    """The place that a sealed signing key is bound to."""
    # NUL cannot occur in a realm's name, so two pairs never give the same context.
    return f"signing-key\0{realm}\0{kid}".encode()
