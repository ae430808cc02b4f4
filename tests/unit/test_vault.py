from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest

from runplane.server.core.secrets import Secret
from runplane.server.identity.vault import KeyEncryptionKey, VaultError


def test_create_makes_a_private_file_that_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    made = KeyEncryptionKey.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    loaded = KeyEncryptionKey.load(path)
    assert loaded.fingerprint == made.fingerprint
    assert loaded.open(made.seal(b"plain", b"place"), b"place") == b"plain"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kek"]


def test_the_file_and_its_directory_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    real = os.fsync

    def record(handle: int) -> None:
        flushed.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real(handle)

    monkeypatch.setattr(os, "fsync", record)
    KeyEncryptionKey.create(tmp_path / "kek")
    assert flushed == ["file", "directory"]


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_text("precious")
    with pytest.raises(VaultError, match="exists already"):
        KeyEncryptionKey.create(path)
    assert path.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kek"]


@pytest.mark.clause("keys.at-rest")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "kek"
    KeyEncryptionKey.create(path)
    path.chmod(mode)
    with pytest.raises(VaultError, match=f"chmod 600 {path}"):
        KeyEncryptionKey.load(path)
    with pytest.raises(VaultError, match="chmod 600"):
        KeyEncryptionKey.load_or_create(path)


def test_what_is_no_regular_file_is_no_key() -> None:
    with pytest.raises(VaultError, match="regular file"):
        KeyEncryptionKey.load(Path(os.devnull))


def test_eight_at_once_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    start = threading.Barrier(8)
    marks: list[str] = []

    def boot() -> None:
        start.wait()
        marks.append(KeyEncryptionKey.load_or_create(path).fingerprint)

    threads = [threading.Thread(target=boot) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(marks) == 8
    assert len(set(marks)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["kek"]


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "ä" * 44, "!" * 44])
def test_a_bad_key_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kek"
    path.write_text(text)
    path.chmod(0o600)
    for source in (path, Secret(text)):
        with pytest.raises(VaultError, match="32 bytes in base64") as caught:
            KeyEncryptionKey.load(source)
        assert not text or text not in str(caught.value)


def test_a_missing_file_or_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match=r"none.*cannot be read"):
        KeyEncryptionKey.load(tmp_path / "none")
    with pytest.raises(VaultError, match="cannot be written"):
        KeyEncryptionKey.load_or_create(tmp_path / "no" / "kek")
    with pytest.raises(VaultError):
        KeyEncryptionKey.load(tmp_path)


def test_the_key_given_as_text_is_the_key_of_the_file(tmp_path: Path) -> None:
    made = KeyEncryptionKey.create(tmp_path / "kek")
    text = (tmp_path / "kek").read_text()
    assert KeyEncryptionKey.load(Secret(text)).fingerprint == made.fingerprint
    assert text.strip() not in repr(made)


@pytest.mark.clause("keys.at-rest")
def test_what_is_sealed_opens_only_with_its_key_and_at_its_place() -> None:
    first, second = KeyEncryptionKey(b"1" * 32), KeyEncryptionKey(b"2" * 32)
    sealed = first.seal(b"the private key", b"here")
    assert b"private" not in sealed
    assert first.open(sealed, b"here") == b"the private key"
    assert first.seal(b"the private key", b"here") != sealed
    with pytest.raises(VaultError, match="another place"):
        first.open(sealed, b"there")
    with pytest.raises(VaultError, match=f"{first.fingerprint}.*{second.fingerprint}"):
        second.open(sealed, b"here")


def test_every_byte_of_an_envelope_counts() -> None:
    kek = KeyEncryptionKey(b"1" * 32)
    sealed = kek.seal(b"plain", b"here")
    for at in range(len(sealed)):
        damaged = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        with pytest.raises(VaultError):
            kek.open(damaged, b"here")
        with pytest.raises(VaultError):
            kek.open(sealed[:at], b"here")
