#!/usr/bin/env python3
"""Run strict mypy on the package, but let ``np.ndarray`` stand without parameters.

The arrays' shapes and dtypes are in the docstrings, and numpy 1.19, the last for Python 3.6, cannot write them into a
type. mypy has no setting for one class, so its complaints about this one are left out here.

Usage, in the repository's root: ``python -m tools.checks.strict_types``.
"""

import subprocess
import sys

BARE_ARRAY = 'Missing type arguments for generic type "ndarray"'


def without_bare_arrays(output: str) -> str:
    """Return mypy's lines without those about bare arrays and without its summary."""
    lines = output.splitlines()
    kept = [line for line in lines if BARE_ARRAY not in line and not line.startswith(("Found ", "Success"))]
    return "\n".join(kept)


def main() -> int:
    """Print what mypy finds and return 1 if that is anything."""
    run = [sys.executable, "-m", "mypy", "--no-color-output", *sys.argv[1:]]
    done = subprocess.run(run, stdout=subprocess.PIPE, universal_newlines=True)
    complaints = without_bare_arrays(done.stdout)
    print(complaints or "mypy: no complaint")
    return 1 if complaints or done.returncode > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
