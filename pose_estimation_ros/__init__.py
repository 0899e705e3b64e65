"""Estimate human poses: in images and videos by PoseEstimator, in ROS 2 by nodes.

Nothing of this package is loaded before it is used: ``import pose_estimation_ros.msg`` loads the messages alone. The
layers are described in ARCHITECTURE.md.
"""

import importlib
import pkgutil
import sys
import types
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from pose_estimation_ros.core.poses import Poses as Poses
    from pose_estimation_ros.imaging.draw import draw_poses as draw_poses
    from pose_estimation_ros.inference.pose_estimator import PoseEstimator as PoseEstimator
    from pose_estimation_ros.inference.pose_estimator import load_model as load_model

# A source tree beside an installed package then finds the installed `.msg` too.
__path__ = pkgutil.extend_path(__path__, __name__)
__version__ = "0.2.0"  # the same as in package.xml
__all__ = ["PoseEstimator", "Poses", "draw_poses", "load_model", "__version__"]

_MODULES = {
    "PoseEstimator": "pose_estimation_ros.inference.pose_estimator",
    "Poses": "pose_estimation_ros.core.poses",
    "draw_poses": "pose_estimation_ros.imaging.draw",
    "load_model": "pose_estimation_ros.inference.pose_estimator",
}


class _LazyPackage(types.ModuleType):
    """Import the public names when they are first used. Python 3.6 knows no ``__getattr__`` of a module."""

    def __getattr__(self, name: str) -> Any:
        if name in _MODULES:
            value = getattr(importlib.import_module(_MODULES[name]), name)
            setattr(self, name, value)
            return value
        from pose_estimation_ros.core.errors import did_you_mean

        hint = "" if name.startswith("_") else did_you_mean(name, __all__)
        raise AttributeError("module %r has no attribute %r%s" % (__name__, name, hint))

    def __dir__(self) -> List[str]:
        return sorted(__all__)


sys.modules[__name__].__class__ = _LazyPackage
