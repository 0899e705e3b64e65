"""Find the files that come with the package: models, configuration, message definitions and the demo's clip.

They lie in the source tree, or in ``share/pose_estimation_ros`` of an installation.
"""

import os
from typing import List

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARE = os.path.join("share", "pose_estimation_ros")
CLIP = "pedestrians.mp4"


def resource_folders(name: str, in_source: str = "") -> List[str]:
    """List the places where a folder of resources can lie: that of the source tree, then those of installations.

    An installed package lies below the prefix whose share folder has the resources, however deep: colcon, pip and
    Debian differ in that.

    Args:
        name: name of the folder in share/pose_estimation_ros, such as "models".
        in_source: its path in the source tree, where that is another.

    Returns:
        Paths, of which not all exist.
    """
    above = os.path.dirname(PACKAGE)
    folders = [os.path.join(above, in_source or name)]
    while above != os.path.dirname(above):
        folders.append(os.path.join(above, SHARE, name))
        above = os.path.dirname(above)
    return folders


def model_folders() -> List[str]:
    """List the places where models can lie: those of the package, see resource_folders, and the user's."""
    return resource_folders("models") + [user_models()]


def user_models() -> str:
    """Return the folder of the models that the user imported, which need not exist.

    It is ``pose_estimation_ros/models`` in $XDG_DATA_HOME, or in ~/.local/share (XDG Base Directory Specification).
    """
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "pose_estimation_ros", "models")


def config_file(name: str) -> str:
    """Return the path of a file in config/. Where there is none, it is the path in the source tree."""
    return _first_file(resource_folders("config"), name)


def demo_clip() -> str:
    """Return the path of the demo's video. Where there is none, it is the path in the source tree."""
    return _first_file(resource_folders("data", os.path.join("test", "data")), CLIP)


def _first_file(folders: List[str], name: str) -> str:
    paths = [os.path.join(folder, name) for folder in folders]
    return next((path for path in paths if os.path.isfile(path)), paths[0])
