"""Define the errors that a user can cause. Each message says what was expected and what was received."""

import os
import reprlib
from typing import Iterable

LONGEST_LINE = 1000  # characters of an error that is printed in one line


class PoseError(Exception):
    """Serve as base of all errors below, which the user sees as one line without a traceback."""


class ConfigError(PoseError):
    """Report that a parameter, recipe key or command line value is unknown or out of range."""


class ModelError(PoseError):
    """Report that a model or its spec is missing, corrupt or does not fit, which ends the start-up."""


class CudaError(ModelError):
    """Report that CUDA or an engine failed: no driver, no memory, or a fault while running.

    Another backend may take over.
    """


class DataError(PoseError):
    """Report that a video, image, annotation or prediction file cannot be used."""


class DownloadError(DataError):
    """Report that a download could not begin or broke off, so that another try can succeed."""


class FrameError(PoseError):
    """Report that one image message or array cannot be used: it is dropped and counted, and the node continues.

    Attributes:
        kind: a short stable word for the counters, such as ``"step"`` or ``"encoding"``.
    """

    LONGEST = 500

    def __init__(self, kind: str, message: str) -> None:
        """Store the kind and the shortened message.

        Args:
            kind: a short stable word.
            message: cut at LONGEST characters, as it may quote a text of any length from the network.
        """
        super().__init__(message[: self.LONGEST])
        self.kind = kind


def reason_of(error: BaseException) -> str:
    """Return the text of another library's exception in one line, or its type where it has no text."""
    return " ".join(str(error).split()) or type(error).__name__


def shown(value: object) -> str:
    """Format a value for a message as repr does, shortened where it is long or deeply nested."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 80
    return short.repr(value)


def described(value: object) -> str:
    """Describe a value for a message: an array by shape and dtype, None and texts as they are, all else by its type."""
    if value is None or isinstance(value, str):
        return shown(value)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return "an array %s %s" % (shape, dtype) if shape is not None and dtype else "a %s" % type(value).__name__


def shortened(text: str, most: int) -> str:
    """Cut a text and mark the cut by "...".

    Args:
        text: to shorten.
        most: number of characters to keep.
    """
    return text if len(text) <= most else text[:most] + "..."


def closest_name(name: str, known: Iterable[str], similarity: float = 0.6) -> str:
    """Return the known name that resembles a name most.

    Args:
        name: the name that the user wrote.
        known: names to choose from.
        similarity: least similarity of the two, 0..1, as difflib measures it.

    Returns:
        One of the known names, "" where none is similar.
    """
    import difflib  # here, as it takes milliseconds and is needed only for a wrong name

    near = difflib.get_close_matches(name, list(known), 1, similarity)
    return near[0] if near else ""


def one_line(error: BaseException) -> str:
    """Return the text of an error in one line that can be printed and is not too long; its type where it has no text.

    An error of the operating system reads "file: reason".
    """
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
        return printable("%s: %s" % (name, error.strerror))
    return printable(reason_of(error))


def printable(text: str) -> str:
    """Cut a text at LONGEST_LINE, and escape what is not UTF-8 and what controls a terminal: files hold any text."""
    short = shortened(text.encode("utf-8", "backslashreplace").decode("utf-8"), LONGEST_LINE)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in short)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the known name that resembles a name most, "" where none is similar.

    Args:
        name: the unknown name.
        known: the known names.
    """
    near = closest_name(name, known)
    return ", did you mean %r?" % near if near else ""
