"""Print the warnings of `pose` commands."""

import sys


def warn(text: str) -> None:
    """Print a warning on stderr."""
    print("pose: warning: %s" % text, file=sys.stderr)
