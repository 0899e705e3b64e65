"""Makes the ROS wheels of an environment buildable against: run it with that environment's Python after pip install.

The wheels' exported CMake files name the include folders of the machine that built them, which do not exist here:
`/opt/python/cp311-cp311/include/python3.11`, and numpy's below `/opt/python`.
"""

import re
import sys
import sysconfig
from pathlib import Path

BUILDERS_INCLUDE = re.compile(r"/opt/[^\s\";]*?/(numpy/(?:_core|core)/include|include/python3\.\d+)(?=[\s\";>]|$)")


def rewrite(text: str, python_include: str, numpy_include: str) -> str:
    """The text with every include folder of the builder replaced by the one of this interpreter."""
    return BUILDERS_INCLUDE.sub(lambda match: numpy_include if "numpy" in match.group(1) else python_include, text)


def main() -> None:
    import numpy

    for path in Path(sys.prefix).glob("share/*/cmake/*.cmake"):
        text = path.read_text()
        fixed = rewrite(text, sysconfig.get_paths()["include"], numpy.get_include())
        if fixed != text:
            path.write_text(fixed)


if __name__ == "__main__":
    main()
