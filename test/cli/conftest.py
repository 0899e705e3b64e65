"""Fixtures of small data sets; the tests of offline commands are left out where their packages are not installed."""

import sys
from importlib.util import find_spec

from coco_folder import as_results, content, folder  # noqa: F401
from colored_dots import dots, model  # noqa: F401

from pose_estimation_ros.__main__ import COMMANDS

# The runtime's commands have no extra, and run on a robot and on the Python 3.6 of the TX2, too.
if sys.version_info < (3, 10) or not all(map(find_spec, ("onnx", "pycocotools", "rosbags", "torch"))):
    offline = [name.replace("-", "_") for name, (_module, _help, extra) in COMMANDS.items() if extra]
    collect_ignore = ["test_%s.py" % name for name in offline + ["checkpoints"]]
