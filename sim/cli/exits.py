"""Exit codes of the command."""

OK = 0
ASSERTION = 1
USAGE = 2
INVALID = 3
LIMIT = 4
INTERNAL = 5


def interrupted(signal: int) -> int:
    """Return the code of a command that a signal ended: 130 of Ctrl-C, 143 of SIGTERM."""
    return 128 + signal
