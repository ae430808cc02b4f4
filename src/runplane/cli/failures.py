"""How a client command ends when it cannot do what it was asked: one sentence, and an exit code for scripts.

The codes are few on purpose: each is a different thing for a script to do next (log in, ask for a right, try
again later). What exactly was wrong stands in the sentence.
"""

from __future__ import annotations

from typing import Final

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not logged in, 4 not allowed, 5 not found, 6 conflict, "
    "7 the server was not reached."
)


class CliError(Exception):
    """The command stops here. The text is for the person who ran it, and holds no secret."""

    code: int = 1


class WrongUsage(CliError):
    """The flags do not go together, or a value cannot be used."""

    code = 2


class NotLoggedIn(CliError):
    """There is no login, or the server no longer accepts it."""

    code = 3


class NotAllowed(CliError):
    """The caller is known and may not do this."""

    code = 4


class NotThere(CliError):
    """No such object, or one that the caller may not know of."""

    code = 5


class InConflict(CliError):
    """It exists already, or is in use, or has changed meanwhile."""

    code = 6


class Unreachable(CliError):
    """The server did not answer, or not over a connection that can be trusted."""

    code = 7
