"""Several key-encryption keys at once, and following a key file that is replaced."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest

from runplane.server.core.secrets import Secret
from runplane.server.identity.kek_ring import KeyRing, load_ring, only_one, open_ring, renew
from runplane.server.identity.vault import MARK, KeyEncryptionKey, VaultError


def a_key() -> KeyEncryptionKey:
    return KeyEncryptionKey(os.urandom(32))


def test_one_seals_and_all_open() -> None:
    old, new, stranger = a_key(), a_key(), a_key()
    ring = KeyRing(new, [old])
    assert ring.fingerprint == new.fingerprint
    assert new.open(ring.seal(b"plain", b"here"), b"here") == b"plain"
    assert ring.open(old.seal(b"plain", b"here"), b"here") == b"plain"
    with pytest.raises(VaultError, match="another place"):
        ring.open(old.seal(b"plain", b"here"), b"there")
    with pytest.raises(VaultError, match=f"{stranger.fingerprint}, but .* {new.fingerprint}"):
        ring.open(stranger.seal(b"plain", b"here"), b"here")
    with pytest.raises(VaultError, match="not one of this version"):
        ring.open(b"", b"here")


def test_a_ring_follows_its_file_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    ring = open_ring(file, None)
    first = KeyEncryptionKey.load(file)
    before = ring.seal(b"plain", b"here")
    with only_one(file):
        second = renew(file)
    assert KeyEncryptionKey.load(file).mark == second.mark != first.mark
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ring.seal(b"x", b"here")[:MARK] == second.mark
    assert ring.open(before, b"here") == b"plain"
    # another one, started meanwhile, opens both; so does one that was never asked in between
    for other in (open_ring(file, None), ring):
        assert other.open(before, b"here") == b"plain"
    with only_one(file):
        renew(file)
    (tmp_path / "kek.previous").unlink()
    ring.seal(b"x", b"here")
    assert ring.open(before, b"here") == b"plain", "what it could open it can open for as long as it lives"


def test_a_ring_that_keeps_up_misses_none_of_two_replacements(tmp_path: Path) -> None:
    """An idle server seals nothing for weeks; the key it holds must not be gone from the disk meanwhile."""
    file = tmp_path / "kek"
    ring = open_ring(file, None)
    for _ in range(2):
        with only_one(file):
            new = renew(file)
        ring.keep_up()
    assert ring.seal(b"plain", b"here")[:MARK] == new.mark
    KeyEncryptionKey(os.urandom(32)).keep_up()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_new_key_belongs_to_whom_the_old_one_did(tmp_path: Path) -> None:
    """The command may be run by root, and the server must be able to read the key afterwards."""
    file = tmp_path / "kek"
    KeyEncryptionKey.create(file)
    os.chown(file, 4711, 4712)
    with only_one(file):
        renew(file)
    for it in (file, tmp_path / "kek.previous"):
        found = it.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (4711, 4712, 0o600)


def test_a_ring_opens_what_another_process_sealed_with_the_next_key(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    ring = open_ring(file, None)
    with only_one(file):
        new = renew(file)
    # without having sealed anything itself since
    assert ring.open(new.seal(b"plain", b"here"), b"here") == b"plain"


def test_a_key_that_got_there_by_mistake_seals_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    ring = open_ring(file, None)
    first = ring.mark
    file.unlink()
    assert ring.seal(b"x", b"here")[:MARK] == first
    KeyEncryptionKey.create(file)
    assert ring.seal(b"x", b"here")[:MARK] == first
    file.chmod(0o644)
    os.utime(file, (1, 1))
    assert ring.seal(b"x", b"here")[:MARK] == first


def test_nothing_is_lost_wherever_the_replacement_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = ["link", "rename", "replace", "unlink", "fsync"]
    cut_at = 0
    while True:
        file = tmp_path / f"{cut_at}" / "kek"
        file.parent.mkdir()
        first = open_ring(file, None)
        value = first.seal(b"plain", b"here")
        left = [cut_at]

        def counted(name: str, left: list[int] = left) -> object:
            real = getattr(os, name)

            def call(*arguments: object, **options: object) -> object:
                if left[0] == 0:
                    raise KeyboardInterrupt
                left[0] -= 1
                return real(*arguments, **options)

            return call

        with monkeypatch.context() as patched, only_one(file):
            for name in calls:
                patched.setattr(os, name, counted(name))
            try:
                renew(file)
            except KeyboardInterrupt:
                cut = True
            else:
                cut = False
        assert open_ring(file, None).open(value, b"here") == b"plain", cut_at
        assert first.open(first.seal(b"x", b"here"), b"here") == b"x"
        again = open_ring(file, None)
        # as the command does: what the new key has not sealed is sealed again before another replacement
        value = again.seal(again.open(value, b"here"), b"here")
        with only_one(file):
            renew(file)
        assert open_ring(file, None).open(value, b"here") == b"plain", cut_at
        if not cut:
            break
        cut_at += 1
    assert cut_at > 6


def test_the_keys_of_the_settings(tmp_path: Path) -> None:
    old, new = os.urandom(32), os.urandom(32)
    text = [Secret(base64.b64encode(it).decode()) for it in (new, old)]
    ring = open_ring(text[0], text[1])
    assert ring.open(KeyEncryptionKey(old).seal(b"plain", b"here"), b"here") == b"plain"
    assert ring.mark == KeyEncryptionKey(new).mark
    with pytest.raises(VaultError, match="cannot be read"):
        load_ring(tmp_path / "none", None)
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_ring_while_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    ring = open_ring(file, None)
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        kept = [ring.seal(b"plain", b"here")]
        try:
            while not stop.is_set():
                kept.append(ring.seal(b"plain", b"here"))
                assert all(ring.open(it, b"here") == b"plain" for it in (kept[0], kept[-1]))
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for it in threads:
        it.start()
    for _ in range(20):
        with only_one(file):
            renew(file)
        ring.seal(b"plain", b"here")
    stop.set()
    for it in threads:
        it.join()
    assert failed == []
