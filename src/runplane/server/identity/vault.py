"""The key-encryption key and what it seals: private keys at rest (NIST SP 800-38D, AES-256-GCM).

An envelope is: version (1 byte), fingerprint of the key (8), nonce (12), ciphertext with tag (16 more than
the plain text). The fingerprint is there so that a server started with another key can say so, instead of
reporting a broken database. Version, fingerprint and the caller's context are authenticated, so that a sealed
value cannot be moved to another row.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runplane.server.core.handed import is_private
from runplane.server.core.secrets import Secret

_VERSION: Final = b"\x01"
_FINGERPRINT: Final = 8
_NONCE: Final = 12
_TAG: Final = 16
_HEAD: Final = len(_VERSION) + _FINGERPRINT
MARK: Final = _HEAD
"""Bytes at the beginning of an envelope that say which key sealed it."""
_KEY: Final = 32
_MAX_FILE: Final = 4096


class VaultError(Exception):
    """The key-encryption key or a sealed value cannot be used.

    The text is for the operator; it names files and fingerprints and never holds key material.
    """


class KeyEncryptionKey:
    """32 random bytes that seal other keys. Safe to share between threads."""

    __slots__ = ("_cipher", "_prefix")

    def __init__(self, material: bytes) -> None:
        if len(material) != _KEY:
            raise VaultError(
                f"The key-encryption key must be {_KEY} bytes in base64; this one has {len(material)}."
            )
        self._cipher = AESGCM(material)
        mark = hashlib.sha256(b"runplane key-encryption key\0" + material).digest()[:_FINGERPRINT]
        self._prefix = _VERSION + mark

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the key without telling anything about it."""
        return self.mark[len(_VERSION) :].hex()

    @property
    def mark(self) -> bytes:
        """What every envelope of this key begins with, `MARK` bytes."""
        return self._prefix

    def __repr__(self) -> str:
        return f"KeyEncryptionKey({self.fingerprint})"

    @classmethod
    def load(cls, source: Path | Secret) -> KeyEncryptionKey:
        """The key in a file (Path) or given as base64 text (Secret). VaultError says what to correct."""
        if isinstance(source, Secret):
            return cls(_from_text(source.reveal(), "the setting"))
        return cls(_from_text(_read_private(source), str(source)))

    @classmethod
    def create(cls, path: Path) -> KeyEncryptionKey:
        """A new key in a new file of mode 0600, on disk (file and directory) when this returns.

        VaultError when the file exists: overwriting it would make every sealed key unreadable. The file
        appears complete or not at all, so that another process that finds it can read it.
        """
        material = secrets.token_bytes(_KEY)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _write_private(draft, base64.b64encode(material) + b"\n")
            try:
                # Unlike a rename, a link fails when the name is taken.
                os.link(draft, path)
            finally:
                draft.unlink()
            flush_directory(path.parent)
        except FileExistsError:
            raise VaultError(f"{path} exists already; it was left as it is.") from None
        except OSError as error:
            raise VaultError(f"The key file {path} cannot be written: {error.strerror}.") from error
        return cls(material)

    @classmethod
    def load_or_create(cls, path: Path) -> KeyEncryptionKey:
        """The key of the file, made first if there is none.

        Of several processes at once, one makes it and all return the same key.
        """
        if not path.exists():
            try:
                return cls.create(path)
            except VaultError:
                if not path.exists():
                    raise
        return cls.load(path)

    def keep_up(self) -> None:
        """Learn of a replacement; call it every few seconds. There is none of a key that stands alone."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` encrypted and bound to `context`, which names the place the value belongs to."""
        nonce = os.urandom(_NONCE)
        return self._prefix + nonce + self._cipher.encrypt(nonce, plain, self._prefix + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain text of `seal`. VaultError for another key, another context, or a damaged value."""
        if len(sealed) < _HEAD + _NONCE + _TAG or sealed[:1] != _VERSION:
            raise VaultError("The sealed value is not one of this version of runplane.")
        if sealed[:_HEAD] != self._prefix:
            raise VaultError(
                f"The value was sealed with the key-encryption key {sealed_with(sealed)}, "
                f"but this server was started with {self.fingerprint}; start it with the former."
            )
        nonce = sealed[_HEAD : _HEAD + _NONCE]
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD + _NONCE :], self._prefix + context)
        except InvalidTag:
            raise VaultError("The sealed value is damaged or belongs to another place.") from None


def sealed_with(sealed: bytes) -> str:
    """The fingerprint of the key that sealed a value."""
    return sealed[len(_VERSION) : _HEAD].hex()


def _from_text(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError:
        # `from None`: the decoder's complaint must not carry a piece of the key.
        raise VaultError(f"The key-encryption key in {where} must be {_KEY} bytes in base64.") from None


def _read_private(path: Path) -> str:
    """The text of a file that may hold a secret."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            # Of the open file and not of its name, which could come to mean another file in between.
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise VaultError(f"{path} must be a regular file.")
            if not is_private(status, os.geteuid()):
                raise VaultError(f"Others can read the key file {path}; run: chmod 600 {path}")
            return file.read(_MAX_FILE).decode("ascii")
    except OSError as error:
        raise VaultError(f"The key file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise VaultError(f"The key file {path} must hold {_KEY} bytes in base64.") from None


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_directory(path: Path) -> None:
    """Have the names in a folder on disk when this returns. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
