"""Build the networks, one file per paper; dicts lead from a name in a recipe to the builder (num_joints, **options)."""

from typing import Callable

from torch import nn

from pose_estimation_ros.training.models.baselines import BOTTOM_UP_BASELINES, TOP_DOWN_BASELINES
from pose_estimation_ros.training.models.el_hrnet import el_hrnet_w32
from pose_estimation_ros.training.models.elpn import elpn_v1, elpn_v2
from pose_estimation_ros.training.models.goatpose import goatpose_w32, goatpose_w48
from pose_estimation_ros.training.models.higher_lite0_fpn import higher_lite0_fpn
from pose_estimation_ros.training.models.hrnet import hrnet_w32, hrnet_w48, nam_hrnet_w32
from pose_estimation_ros.training.models.lite0_fpn import Lite0Fpn
from pose_estimation_ros.training.models.litepose import litepose_l, litepose_m, litepose_s, litepose_xs
from pose_estimation_ros.training.models.person_detector import PersonDetector
from pose_estimation_ros.training.models.wlitepose import wlitepose_s, wlitepose_xs

POSE_MODELS: dict[str, Callable[..., nn.Module]] = {
    "hrnet_w32": hrnet_w32,
    "hrnet_w48": hrnet_w48,
    "nam_hrnet_w32": nam_hrnet_w32,
    "goatpose_bl": goatpose_w32,  # BL and BH, XL and XH: one network at 256x192 and 384x288
    "goatpose_bh": goatpose_w32,
    "goatpose_xl": goatpose_w48,
    "goatpose_xh": goatpose_w48,
    "elpn_v1": elpn_v1,
    "elpn_v2": elpn_v2,
    "el_hrnet_w32": el_hrnet_w32,
    "lite0_fpn": Lite0Fpn,
    **TOP_DOWN_BASELINES,
}
BOTTOM_UP_MODELS: dict[str, Callable[..., nn.Module]] = {
    "litepose_xs": litepose_xs,
    "litepose_s": litepose_s,
    "litepose_m": litepose_m,
    "litepose_l": litepose_l,
    "wlitepose_xs": wlitepose_xs,
    "wlitepose_s": wlitepose_s,
    "higher_lite0_fpn": higher_lite0_fpn,
    **BOTTOM_UP_BASELINES,
}
DETECTOR_MODELS: dict[str, Callable[..., nn.Module]] = {"person_detector": PersonDetector}
