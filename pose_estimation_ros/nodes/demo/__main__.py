"""Run the demo: ``python -m pose_estimation_ros.nodes.demo``."""

import sys

from pose_estimation_ros.nodes.demo.demo import main

if __name__ == "__main__":
    sys.exit(main())
