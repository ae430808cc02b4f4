"""Several key-encryption keys at once: one seals, the others only open. What lets the key be replaced.

A ring over a key file follows the file. Whoever rotates puts the present key beside it, as `<file>.previous`,
and then a new key in its place, in one rename. So the ring looks at the file before it seals anything, and
every value is sealed with the new key from the rename on, without a restart. It has to look every few seconds
all the same (`keep_up`): the file tells of one replacement, and not of the one before. A file that was
replaced in any other way is not followed: sealing with a key that is there by mistake would lose what it
seals.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

import structlog

from runplane.server.core.secrets import Secret
from runplane.server.identity.vault import MARK, KeyEncryptionKey, VaultError, flush_directory

_PREVIOUS: Final = ".previous"
_NEXT: Final = ".next"

_Seen = tuple[int, int, int] | None


class KeyRing(KeyEncryptionKey):
    """A key-encryption key that opens what `others` have sealed too. Safe to share between threads."""

    __slots__ = ("_file", "_known", "_lock", "_present", "_seen")

    _present: KeyEncryptionKey
    _known: dict[bytes, KeyEncryptionKey]
    _seen: _Seen

    def __init__(
        self, present: KeyEncryptionKey, others: Iterable[KeyEncryptionKey], file: Path | None = None
    ) -> None:
        # Nothing of the base is set up: this one has no material of its own, it asks those it holds.
        self._present = present
        self._known = {it.mark: it for it in (present, *others)}
        self._file = file
        self._seen = _look_at(file)
        self._lock = threading.Lock()

    @property
    def mark(self) -> bytes:
        return self._sealing().mark

    def seal(self, plain: bytes, context: bytes) -> bytes:
        return self._sealing().seal(plain, context)

    def keep_up(self) -> None:
        # Who seals nothing between two replacements would find a file that does not name the key it holds.
        self._sealing()

    def open(self, sealed: bytes, context: bytes) -> bytes:
        found = self._known.get(sealed[:MARK])
        if found is None:
            present = self._sealing()
            # one that does not know the value says in whose name it was sealed
            found = self._known.get(sealed[:MARK], present)
        return found.open(sealed, context)

    def _sealing(self) -> KeyEncryptionKey:
        if self._file is not None and _look_at(self._file) != self._seen:
            with self._lock:
                self._follow(self._file)
        return self._present

    def _follow(self, file: Path) -> None:
        seen = _look_at(file)
        if seen == self._seen:
            return
        log = structlog.get_logger("keys")
        try:
            present, others = KeyEncryptionKey.load(file), _beside(file)
        except VaultError as error:
            log.error("the key file has changed and is not used", reason=str(error))
        else:
            marks = {it.mark for it in others}
            if present.mark == self._present.mark or self._present.mark in marks:
                # None is ever forgotten while this process lives: what it has opened it can open again.
                self._known = self._known | {it.mark: it for it in (present, *others)}
                self._present = present
                log.info("key-encryption key", fingerprint=present.fingerprint)
            else:
                log.error(
                    "the key file was replaced by a key that nothing says follows the present one; not used",
                    present=self._present.fingerprint,
                    found=present.fingerprint,
                )
        # last: until here others come to the lock and wait
        self._seen = seen


def open_ring(source: Path | Secret, previous: Secret | None) -> KeyRing:
    """The keys that the settings name. A key file is made if there is none. Raises VaultError."""
    others = [KeyEncryptionKey.load(previous)] if previous is not None else []
    if isinstance(source, Secret):
        return KeyRing(KeyEncryptionKey.load(source), others)
    present = KeyEncryptionKey.load_or_create(source)
    return KeyRing(present, [*others, *_beside(source)], source)


def load_ring(source: Path | Secret, previous: Secret | None) -> KeyRing:
    """As `open_ring`, but a missing file is a VaultError: for whoever must not change anything."""
    if isinstance(source, Path):
        KeyEncryptionKey.load(source)
    return open_ring(source, previous)


@contextlib.contextmanager
def only_one(file: Path) -> Generator[None]:
    """Keep other processes from replacing the key file. Raises BlockingIOError where one is about to."""
    handle = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # of the folder: the file itself is about to become another one
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def renew(file: Path) -> KeyEncryptionKey:
    """Put a new key in the place of the one in `file`, which stays beside it as `<file>.previous`.

    Call it within `only_one`, and only when nothing needs the key that `.previous` holds by now. Cut at any
    step, it is done again from the start: until the last rename the present key is where it was. Raises
    VaultError.
    """
    following, previous, draft = (_beside_name(file, it) for it in (_NEXT, _PREVIOUS, f"{_PREVIOUS}.draft"))
    new = KeyEncryptionKey.load_or_create(following)
    try:
        _give(following, file)
        draft.unlink(missing_ok=True)
        # a second name for the present key: at no moment is it without one
        draft.hardlink_to(file)
        draft.replace(previous)
        # a rename to another name of the same file leaves both
        draft.unlink(missing_ok=True)
        flush_directory(file.parent)
        following.replace(file)
        flush_directory(file.parent)
    except OSError as error:
        raise VaultError(f"The key file {file} cannot be replaced: {error.strerror}.") from error
    return new


def _give(new: Path, like: Path) -> None:
    """Let a file belong to whom another does: root may run the command, and the server is somebody else."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(new, owner.st_uid, owner.st_gid)


def _beside(file: Path) -> list[KeyEncryptionKey]:
    previous = _beside_name(file, _PREVIOUS)
    return [KeyEncryptionKey.load(previous)] if previous.exists() else []


def _beside_name(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _look_at(file: Path | None) -> _Seen:
    """What changes when a file is replaced; None where there is none."""
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
