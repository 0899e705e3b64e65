"""Run a module as a program that ends when its parent does: ``python -m ...demo.child PID MODULE ARGUMENTS``.

PID is the parent's process. A parent that is killed cannot end its nodes, which would go on to publish for ever.
"""

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1  # of linux/prctl.h: the signal that a process gets when its parent ends


def end_with_parent(parent: int) -> None:
    """Let this process get SIGTERM when its parent ends; only Linux can do so, elsewhere nothing happens.

    Args:
        parent: Number of the parent's process.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it has ended before
        sys.exit(1)


def main() -> None:
    """Run the module with the rest of the command line."""
    parent, module = int(sys.argv[1]), sys.argv[2]
    end_with_parent(parent)
    del sys.argv[:2]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
