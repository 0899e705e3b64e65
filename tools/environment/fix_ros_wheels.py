"""Correct the include folders in the CMake files of installed ROS wheels, so that packages can be built with them.

Run it with the environment's Python after `pip install`. The wheels' exported CMake files name include folders of the
machine that built the wheels, such as `/opt/python/cp311-cp311/include/python3.11`, which do not exist here.
"""

import re
import sys
import sysconfig
from pathlib import Path

BUILDERS_INCLUDE = re.compile(r"/opt/[^\s\";]*?/(numpy/(?:_core|core)/include|include/python3\.\d+)(?=[\s\";>]|$)")


def rewrite(text: str, python_include: str, numpy_include: str) -> str:
    """Replace every include folder of the machine that built the wheels.

    Args:
        text: Content of a CMake file.
        python_include: Folder of Python.h in this environment.
        numpy_include: Folder of NumPy's headers in this environment.

    Returns:
        The corrected content.
    """
    return BUILDERS_INCLUDE.sub(lambda match: numpy_include if "numpy" in match.group(1) else python_include, text)


def main() -> None:
    """Correct all CMake files of this environment."""
    import numpy

    for path in Path(sys.prefix).glob("share/*/cmake/*.cmake"):
        text = path.read_text()
        fixed = rewrite(text, sysconfig.get_paths()["include"], numpy.get_include())
        if fixed != text:
            path.write_text(fixed)


if __name__ == "__main__":
    main()
