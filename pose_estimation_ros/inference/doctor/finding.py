"""Define what a check of the machine finds."""

from typing import Callable, List, NamedTuple

OK, MISSING, BROKEN = "ok", "missing", "broken"


class Finding(NamedTuple):
    """Say what a check has found.

    Attributes:
        part: what it belongs to, such as "libraries".
        name: what was looked for, such as "onnxruntime".
        value: what was found, in one line.
        state: OK, MISSING or BROKEN.
        remedy: what would mend it, in one line; "" where nothing has to be done.
    """

    part: str
    name: str
    value: str
    state: str = OK
    remedy: str = ""


def survive(part: str, check: Callable[[], List[Finding]]) -> List[Finding]:
    """Run a check; an exception becomes its finding.

    Args:
        part: what the check looks at.
        check: function that returns findings.
    """
    try:
        return check()
    except Exception as error:  # of a library, a file or the system that is broken in a way nobody has foreseen
        value = "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
        return [Finding(part, "check", value[:200], BROKEN, "report this with the output of `pose doctor --json`")]
