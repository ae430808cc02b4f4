"""Which files may hold a secret: the owner's own, and what root hands to a group."""

from __future__ import annotations

import os
import stat

import pytest

from runplane.server.core.handed import is_private

ME = 10001


@pytest.mark.parametrize(
    ("mode", "owner", "account", "expected"),
    [
        (0o600, ME, ME, True),
        (0o400, ME, ME, True),
        (0o640, ME, ME, False),
        (0o604, ME, ME, False),
        (0o440, 0, ME, True),
        (0o640, 0, ME, True),
        (0o444, 0, ME, False),
        (0o460, 0, ME, False),
        (0o450, 0, ME, False),
        (0o640, 0, 0, False),
        (0o640, 1000, ME, False),
    ],
    ids=lambda it: oct(it) if isinstance(it, int) and it > 99 and it != ME else str(it),
)
def test_who_may_read_a_file_with_a_secret(mode: int, owner: int, account: int, expected: bool) -> None:
    status = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))
    assert is_private(status, account) is expected
