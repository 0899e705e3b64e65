"""Check which skeleton a foreign network gets, and when the user has to name it."""

import pytest

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.importing.model_import import ModelImport
from pose_estimation_ros.importing.pose.choose_skeleton import choose_skeleton
from pose_estimation_ros.importing.pose.conventions import conclude
from pose_estimation_ros.importing.pose.metadata import Ultralytics
from pose_estimation_ros.importing.pose.outputs import Contract

COCO = SKELETONS["coco17"].keypoints
PERSON = Ultralytics(17, 3, ("person",), False, None, {}, "")


def choose(count, kind="simcc", family="rtmpose", told=None, person=0, **options):
    contract = Contract(kind, ("o",), count, family, "outputs of a test", person=person)
    order = ModelImport("x.onnx", **options)
    conventions = conclude("x.onnx", contract, order, True, None)
    return choose_skeleton("x.onnx", contract, conventions, order, told)[0]


@pytest.mark.parametrize(
    "keywords, name",
    [
        ({"count": 17, "skeleton": "ap10k"}, "ap10k"),
        ({"count": 133, "like": "dwpose"}, "wholebody133"),
        ({"count": 133, "like": "rtmw"}, "wholebody133"),
        ({"count": 17, "kind": "movenet", "family": "movenet"}, "coco17"),
        ({"count": 17, "kind": "heatmaps", "like": "sapiens"}, "coco17"),
        ({"count": 17, "kind": "raw_yolo", "family": "yolo-pose", "told": PERSON}, "coco17"),
        ({"count": 17, "kind": "raw_yolo", "family": "yolo-pose",
          "told": PERSON._replace(keypoint_names={0: tuple(name.replace("_", " ").title() for name in COCO)})},
         "coco17"),
    ],
)  # fmt: skip
def test_what_is_known(keywords, name):
    assert choose(**keywords) is SKELETONS[name]


def test_names_in_the_file():
    told = PERSON._replace(classes=("dog", "cat"), keypoints=3, keypoint_names={1: ("L_ear", "R_ear", "tail")})
    skeleton = choose(3, "raw_yolo", "yolo-pose", told, 1)
    assert (skeleton.keypoints, skeleton.flip_pairs, skeleton.links) == (("L_ear", "R_ear", "tail"), ((0, 1),), ())
    assert skeleton.sigmas is None


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"count": 17}, "--skeleton with coco17, ap10k, or a file that names its 17 keypoints"),
        ({"count": 5}, "--skeleton with a file that names its 5 keypoints"),
        ({"count": 17, "skeleton": "halpe26"}, "skeleton of 17 keypoints, as the network has, got halpe26 with 26"),
        ({"count": 17, "skeleton": "coco18"}, "coco18"),
        ({"count": 26, "like": "dwpose"}, "--skeleton with halpe26"),
        ({"count": 17, "kind": "raw_yolo", "family": "yolo-pose", "told": PERSON._replace(classes=("dog",))},
         "--skeleton"),
        ({"count": 2, "kind": "raw_yolo", "family": "yolo-pose",
          "told": PERSON._replace(keypoint_names={0: ("a", "a")})}, "different names"),
    ],
)  # fmt: skip
def test_what_the_user_has_to_tell(keywords, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        choose(**keywords)
