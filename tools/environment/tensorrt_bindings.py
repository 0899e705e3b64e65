"""Download the TensorRT bindings that test/tensorrt-bindings.txt lists (10 MB), for `make test`.

Each goes into .venv/tensorrt/<name>==<version>, once. Where one cannot be downloaded (no network, no wheel for this
Python or processor), a line says so, the tests that need it are skipped, and the next call tries again.
"""

import shutil
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "test" / "tensorrt-bindings.txt"
TARGET = Path(sys.prefix) / "tensorrt"


def main():
    """Install every listed package that is missing."""
    for line in LIST.read_text().splitlines():
        name = line.partition(";")[0].strip()
        if name and not name.startswith("#") and not is_filled(TARGET / name):
            install(line, name)


def install(requirement, name):
    """Install a package into a temporary folder and rename that when it is complete.

    Args:
        requirement: The line of the list, with its markers.
        name: The package and its version, the folder's name.
    """
    unfinished = TARGET / (name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # pip tries once, so that the tests do not wait where there is no network.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--retries", "0", "--timeout", "20"]
    options = ["--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(unfinished)]
    done = subprocess.run(pip + ["install"] + options + [requirement], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        print("setup: %s is not available here, so its tests will be skipped" % name, flush=True)
    elif is_filled(unfinished):  # some versions of pip leave it empty where a marker asks for another Python
        unfinished.replace(TARGET / name)
    shutil.rmtree(unfinished, ignore_errors=True)


def is_filled(folder):
    """Tell whether a folder is there and holds something."""
    return folder.is_dir() and any(folder.iterdir())


if __name__ == "__main__":
    main()
