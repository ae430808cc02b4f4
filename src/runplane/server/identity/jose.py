"""Signing: the three algorithms, public keys as JWK, and the mint of tokens (RFC 7515, 7517, 7518, 8037).

Tokens are put together here and not by PyJWT: one segment is precomputed, the payload is encoded by msgspec
and the ECDSA signature is converted by slicing, which gives about 1.5 times the rate. The tests let PyJWT
verify what is minted. Algorithms are data: what a name means is looked up in `ALGORITHMS`.

The payload is pure ASCII with `>`, `?`, `~` and DEL escaped. Those are the only ASCII bytes that can give `-`
or `_` in base64url, and the official client decodes the payload with the standard alphabet, which drops them.
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
Sign = Callable[[bytes], bytes]
Check = Callable[[bytes, bytes], bool]

DEFAULT_ALGORITHM: Final = "ES256"

_ES256: Final = ec.ECDSA(hashes.SHA256())
_ES256_SIZE: Final = 64
_RSA_BITS: Final = 2048
_LAST_OF_BMP: Final = 0xFFFF
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
_ESCAPED: Final = re.compile("[>?~\x7f-\U0010ffff]")

encode_json: Final = msgspec.json.Encoder().encode


class BadEncoding(Exception):
    """The text is not base64url in its one canonical, unpadded spelling."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One signature algorithm.

    `signer` and `checker` are called once per key and return the function that runs per token; a signature is
    in the form JWS wants (for ES256 r and s, 32 bytes each). `members` gives the public members of the JWK,
    `thumbprint` the names among them that RFC 7638 section 3.2 hashes.
    """

    name: str
    fits: Callable[[object], bool]
    generate: Callable[[], PrivateKey]
    signer: Callable[[Any], Sign]
    checker: Callable[[Any], Check]
    members: Callable[[Any], dict[str, str]]
    thumbprint: tuple[str, ...]


def base64url(data: bytes) -> bytes:
    """`data` in base64url without padding (RFC 7515 section 2)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def from_base64url(segment: bytes) -> bytes:
    """The bytes of a segment. BadEncoding unless encoding them again gives the very same segment.

    That one comparison refuses padding, white space, the standard alphabet, any other character and unused
    bits that are not zero, each of which would give one token several spellings.
    """
    try:
        data = a2b_base64(segment.translate(_FROM_URL) + b"==")
    except Base64Error as error:
        raise BadEncoding from error
    if base64url(data) != segment:
        raise BadEncoding
    return data


def ascii_json(claims: Mapping[str, Any] | msgspec.Struct) -> bytes:
    """`claims` as JSON that survives the standard base64 alphabet (see the module's text).

    An astral character becomes a surrogate pair, as JSON wants. UnicodeEncodeError for a lone surrogate.
    """
    data = encode_json(claims)
    # Four memchr calls cost a tenth of one regular expression; tokens hold none of these as a rule.
    if data.isascii() and not (b">" in data or b"?" in data or b"~" in data or b"\x7f" in data):
        return data
    return _ESCAPED.sub(_escape, data.decode()).encode()


def sign_key(algorithm: str, private: PrivateKey) -> Sign:
    """The function that signs with this key. ValueError when the key is not one of that algorithm."""
    entry = ALGORITHMS[algorithm]
    if not entry.fits(private):
        raise ValueError(f"the key is not a key for {algorithm}")
    return entry.signer(private)


def public_jwk(algorithm: str, public: PublicKey, kid: str) -> dict[str, str]:
    """The key as a JWK with public members only, for the JWKS document."""
    return {**ALGORITHMS[algorithm].members(public), "kid": kid, "alg": algorithm, "use": "sig"}


def key_id(algorithm: str, public: PublicKey) -> str:
    """The `kid`: the first 128 bits of the RFC 7638 thumbprint in hexadecimal.

    It follows from the key, so it can neither be reused nor point to another key; hexadecimal keeps `_` out.
    """
    entry = ALGORITHMS[algorithm]
    members = entry.members(public)
    canonical = encode_json({name: members[name] for name in sorted(entry.thumbprint)})
    return hashlib.sha256(canonical).hexdigest()[:32]


def private_to_der(private: PrivateKey) -> bytes:
    """PKCS #8 DER, not encrypted: only ever handed to the vault."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def private_from_der(algorithm: str, der: bytes) -> PrivateKey:
    """The key of a PKCS #8 DER. ValueError when it is no key of that algorithm."""
    private = load_der_private_key(der, password=None)
    if not ALGORITHMS[algorithm].fits(private):
        raise ValueError(f"the stored key is not a key for {algorithm}")
    return private  # type: ignore[return-value]


class Minter:
    """Makes tokens with one key. Safe to share between threads: nothing changes after construction."""

    __slots__ = ("_head", "_sign", "kid")

    def __init__(self, kid: str, algorithm: str, private: PrivateKey) -> None:
        self.kid = kid
        self._sign = sign_key(algorithm, private)
        self._head = header_segment(algorithm, kid) + b"."

    def mint(self, claims: Mapping[str, Any] | msgspec.Struct) -> str:
        """A signed token in compact form. The caller fills every claim; times are whole seconds."""
        # The escaping leaves no byte that could give "+" or "/": the standard alphabet is the URL one here.
        payload = b2a_base64(ascii_json(claims), newline=False).rstrip(b"=")
        signed = self._head + payload
        return (signed + b"." + base64url(self._sign(signed))).decode("ascii")


def header_segment(algorithm: str, kid: str) -> bytes:
    """The first segment of every token minted with this key."""
    return base64url(encode_json({"alg": algorithm, "kid": kid, "typ": "JWT"}))


def raw_from_der(der: bytes) -> bytes:
    """ECDSA signature: DER to r and s of 32 bytes each. Only for what `cryptography` has just made."""
    # Both parts are shorter than 128 bytes, so every length is one byte and the offsets are known.
    cut = 4 + der[3]
    return der[4:cut][-32:].rjust(32, b"\0") + der[cut + 2 :][-32:].rjust(32, b"\0")


def der_from_raw(raw: bytes) -> bytes:
    """ECDSA signature: r and s of 32 bytes each to DER."""
    parts = _der_integer(raw[:32]) + _der_integer(raw[32:])
    return b"\x30" + bytes((len(parts),)) + parts


def _der_integer(number: bytes) -> bytes:
    number = number.lstrip(b"\0") or b"\0"
    if number[0] & 0x80:
        number = b"\0" + number
    return b"\x02" + bytes((len(number),)) + number


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= _LAST_OF_BMP:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"


def _number(value: int, width: int | None = None) -> str:
    return base64url(value.to_bytes(width or (value.bit_length() + 7) // 8)).decode()


def _es256_signer(private: ec.EllipticCurvePrivateKey) -> Sign:
    sign = private.sign

    def run(data: bytes) -> bytes:
        return raw_from_der(sign(data, _ES256))

    return run


def _es256_checker(public: ec.EllipticCurvePublicKey) -> Check:
    verify = public.verify

    def run(signature: bytes, data: bytes) -> bool:
        if len(signature) != _ES256_SIZE:
            return False
        try:
            verify(der_from_raw(signature), data, _ES256)
        except InvalidSignature:
            return False
        return True

    return run


def _es256_members(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = public.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}


def _rs256_signer(private: rsa.RSAPrivateKey) -> Sign:
    return lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _rs256_checker(public: rsa.RSAPublicKey) -> Check:
    def run(signature: bytes, data: bytes) -> bool:
        try:
            public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return run


def _rs256_members(public: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def _eddsa_signer(private: ed25519.Ed25519PrivateKey) -> Sign:
    return private.sign


def _eddsa_checker(public: ed25519.Ed25519PublicKey) -> Check:
    def run(signature: bytes, data: bytes) -> bool:
        try:
            public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return run


def _eddsa_members(public: ed25519.Ed25519PublicKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public.public_bytes_raw()).decode()}


def _is_p256(key: object) -> bool:
    curve_keys = (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)
    return isinstance(key, curve_keys) and isinstance(key.curve, ec.SECP256R1)


def _is_rsa(key: object) -> bool:
    return isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) and key.key_size >= _RSA_BITS


def _is_ed25519(key: object) -> bool:
    return isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey)


ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Algorithm(
                name="ES256",
                fits=_is_p256,
                generate=lambda: ec.generate_private_key(ec.SECP256R1()),
                signer=_es256_signer,
                checker=_es256_checker,
                members=_es256_members,
                thumbprint=("crv", "kty", "x", "y"),
            ),
            Algorithm(
                name="RS256",
                fits=_is_rsa,
                generate=lambda: rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS),
                signer=_rs256_signer,
                checker=_rs256_checker,
                members=_rs256_members,
                thumbprint=("e", "kty", "n"),
            ),
            Algorithm(
                name="EdDSA",
                fits=_is_ed25519,
                generate=ed25519.Ed25519PrivateKey.generate,
                signer=_eddsa_signer,
                checker=_eddsa_checker,
                members=_eddsa_members,
                thumbprint=("crv", "kty", "x"),
            ),
        )
    }
)
"""Every algorithm a token may be signed with; the setting that chooses one takes these names."""
