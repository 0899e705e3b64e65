"""Fetches what test/tensorrt-bindings.txt lists, 10 MB; called by the Makefile.

Each into .venv/tensorrt/<name>==<version>, once. What cannot be had (no network, no wheel for this Python or processor)
is told in one line and tried again next time; the tests that want it skip and say so.
"""

import shutil
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parent.parent / "test" / "tensorrt-bindings.txt"
TARGET = Path(sys.prefix) / "tensorrt"


def main():
    for line in LIST.read_text().splitlines():
        name = line.partition(";")[0].strip()
        if name and not name.startswith("#") and not (TARGET / name).is_dir():
            install(line, name)


def install(requirement, name):
    """Into a folder beside, which takes its place when it is whole."""
    unfinished = TARGET / (name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # One try: without a network the tests must not wait for it.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--retries", "0", "--timeout", "20"]
    options = ["--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(unfinished)]
    done = subprocess.run(pip + ["install"] + options + [requirement], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        print("setup: not to be had here: %s (its tests will skip)" % name, flush=True)
    elif unfinished.is_dir():  # not where the line is for another Python
        unfinished.rename(TARGET / name)


if __name__ == "__main__":
    main()
