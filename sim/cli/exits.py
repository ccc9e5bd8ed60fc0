"""Exit codes of the command."""

OK = 0
ASSERTION = 1
USAGE = 2
INVALID = 3
LIMIT = 4
INTERNAL = 5
INTERRUPTED = 130
