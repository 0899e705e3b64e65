"""ROS 2 human pose estimation: camera topics in, keypoints out. The layers are described in ARCHITECTURE.md."""

import pkgutil

# A source tree beside an installed package then finds the installed `.msg` too.
__path__ = pkgutil.extend_path(__path__, __name__)
__version__ = "0.1.0"  # package.xml's
