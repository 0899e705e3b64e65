"""Print what commands of `pose` say beside their results."""

import sys


def warn(text: str) -> None:
    """Print a warning on stderr."""
    print("pose: warning: %s" % text, file=sys.stderr)
