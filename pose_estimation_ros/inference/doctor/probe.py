"""Import libraries in processes of their own, so that one that crashes or hangs is a finding like any other."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from typing import List, NamedTuple, Sequence

from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK, Finding

TIMEOUT_S = 60.0  # the import of a large library from a slow disk
# The last line of its output counts: libraries print, too.
CODE = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[3])
m = importlib.import_module(sys.argv[1])
facts = [str(getattr(m, "__version__", ""))] + [str(fact) for fact in eval(sys.argv[2])]
print("\\n" + json.dumps(facts))
"""


class Library(NamedTuple):
    """Name a library and what is asked of it.

    Attributes:
        part: what its finding belongs to.
        module: name of its module.
        remedy: how to install it.
        facts: Python expression of a list of facts, in which m is the module.
        broken: what to do where it is installed and cannot be imported; "" for the same as remedy.
    """

    part: str
    module: str
    remedy: str
    facts: str = "[]"
    broken: str = ""


def is_installed(module: str) -> bool:
    """Tell whether there is a module of this name; it is not imported, but the packages that it is in are."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a package above is missing or broken; a module without a spec
        return False


def probe(libraries: Sequence[Library], timeout_s: float = TIMEOUT_S) -> List[Finding]:
    """Import libraries, all at the same time, and return a finding for each.

    Args:
        libraries: what to import.
        timeout_s: time for all of them, s.
    """
    installed = [library for library in libraries if is_installed(library.module)]
    processes = {library: _start(library) for library in installed}
    end_s = time.monotonic() + timeout_s
    findings = {library: _finding(library, process, end_s) for library, process in processes.items()}
    absent = [Finding(it.part, it.module, "not installed", MISSING, it.remedy) for it in libraries]
    return [findings.get(library, missing) for library, missing in zip(libraries, absent)]


def _start(library: Library) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CODE, library.module, library.facts, json.dumps(sys.path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, universal_newlines=True)


def _finding(library: Library, process: "subprocess.Popen[str]", end_s: float) -> Finding:
    """Wait for a process until end_s of the monotonic clock, and return what it has found."""
    try:
        output, errors = process.communicate(timeout=max(0.1, end_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return _broken(library, "its import does not end")
    if process.returncode:
        return _broken(library, _reason(process.returncode, errors))
    try:
        facts = [str(fact) for fact in json.loads(output.splitlines()[-1])]
    except (IndexError, ValueError):
        return _broken(library, "its import ends the process")
    version = facts[0] or "installed"
    return Finding(library.part, library.module, ": ".join(filter(None, [version, ", ".join(facts[1:])])), OK)


def _broken(library: Library, reason: str) -> Finding:
    return Finding(library.part, library.module, reason, BROKEN, library.broken or library.remedy)


def _reason(code: int, errors: str) -> str:
    """Say in one line why a process has failed: its last line of errors, or the signal that ended it."""
    if code < 0:
        return "its import crashes (%s)" % signal.Signals(-code).name
    return (errors.strip().splitlines() or ["exit code %d" % code])[-1][:200]
