"""Run a node as a child process whose output is read: warnings are passed on, and the reason of its end is known."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional

from pose_estimation_ros.nodes.demo import processes

# The nodes' logs in one form, which the reader knows.
ENVIRONMENT = {
    "RCUTILS_CONSOLE_OUTPUT_FORMAT": "[{severity}] [{name}]: {message}",
    "RCUTILS_COLORIZED_OUTPUT": "0",
    "PYTHONUNBUFFERED": "1",
}
QUIET = re.compile(r"\[(INFO|DEBUG)\] ")
LOUD = re.compile(r"\[(?:WARN|ERROR|FATAL)\] \[([^\]]*)\]: ")
KEPT_LINES = 30
READ_S = 2.0  # longest time from a process's end to that of its output


class NodeProcess:
    """Run a node and read what it prints.

    ``name`` is the node's, ``process`` its process.
    """

    def __init__(
        self,
        name: str,
        parameters: Dict[str, Any],
        environment: Optional[Dict[str, str]] = None,
        on_line: Optional[Callable[[str], Any]] = None,
    ) -> None:
        """Start the node.

        Args:
            name: Name of the node, which is that of its module in nodes/.
            parameters: Values of ROS parameters by name.
            environment: Environment variables to add.
            on_line: Function that gets each line which the node prints, in a thread of its own.
        """
        self.name, self._on_line = name, on_line
        self._lines: Deque[str] = deque(maxlen=KEPT_LINES)
        environment = dict(ENVIRONMENT, **(environment or {}))
        self.process = processes.start(processes.NODES + name, parameters, environment, subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for data in output:
                line = data.decode("utf-8", "backslashreplace").rstrip()
                self._lines.append(line)
                if self._on_line and line:
                    with contextlib.suppress(OSError, ValueError):  # where it prints, nobody reads any more
                        self._on_line(line)

    def end_reason(self) -> str:
        """Return in one line why the process has ended: its error, its signal, its last line or its exit code."""
        code = self.process.wait()
        self._reader.join(READ_S)
        start = self.name + ": error: "
        for line in reversed(list(self._lines)):
            if line.startswith(start):
                return line[len(start) :]
        if code < 0:
            return "ended by the signal %s" % signal.Signals(-code).name
        last = next((line for line in reversed(list(self._lines)) if line and not QUIET.match(line)), "")
        return last if code and last else "ended with exit code %d" % code


def pass_on(line: str) -> None:
    """Print a line of a node on stderr if it is a warning or worse; its last error is told by end_reason().

    Args:
        line: The line.
    """
    if not QUIET.match(line) and not re.match(r"\w+: error: ", line):
        print(LOUD.sub(r"\1: ", line), file=sys.stderr, flush=True)
