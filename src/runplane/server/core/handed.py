"""Which files may hold a secret: those that nobody else can read, as far as their mode tells."""

from __future__ import annotations

import os
from typing import Final

_OTHERS: Final = 0o077
_GROUP_READS: Final = 0o040


def is_private(status: os.stat_result, account: int) -> bool:
    """Whether only `account`, the user id of this process, reads the file, or was handed it by root.

    A file of root's may be readable by a group. That is how Kubernetes (`fsGroup`) and systemd
    (`LoadCredential`) give a secret to a process that is not root; who is in that group is root's business.
    """
    open_to = status.st_mode & _OTHERS
    handed_over = status.st_uid == 0 and account != 0
    return open_to == 0 or (handed_over and open_to == _GROUP_READS)
