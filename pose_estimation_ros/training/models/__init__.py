"""One file per paper; the plain dicts lead from the name in a recipe to the builder."""

from pose_estimation_ros.training.models.elpn import elpn_v1, elpn_v2
from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.person_detector import PersonDetector

POSE_MODELS = {"elpn_v1": elpn_v1, "elpn_v2": elpn_v2, "hrnet_w32": lambda num_joints=17: HRNet(32, num_joints)}
DETECTOR_MODELS = {"person_detector": PersonDetector}
