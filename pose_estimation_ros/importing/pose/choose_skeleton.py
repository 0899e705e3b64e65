"""Choose the skeleton of a foreign pose network: few files tell what their keypoints are."""

from typing import Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton, skeleton_from_json
from pose_estimation_ros.importing.model_import import ModelImport
from pose_estimation_ros.importing.pose.conventions import Conventions
from pose_estimation_ros.importing.pose.families import FAMILIES
from pose_estimation_ros.importing.pose.metadata import Ultralytics
from pose_estimation_ros.importing.pose.outputs import Contract
from pose_estimation_ros.importing.skeleton_files import read_skeleton


def choose_skeleton(
    path: str, contract: Contract, conventions: Conventions, order: ModelImport, told: Optional[Ultralytics]
) -> Tuple[Skeleton, str]:
    """Choose the skeleton of a network, and say why it is this one.

    Args:
        path: its file, for messages.
        contract: what it gives.
        conventions: its conventions.
        order: the user's options.
        told: what Ultralytics wrote into the file.

    Raises:
        ConfigError: the user has to name one, or the one named has another number of keypoints.
        ModelError: the file of the skeleton cannot be used.
    """
    count = contract.keypoints
    if order.skeleton is not None:
        skeleton = read_skeleton(order.skeleton)
        if skeleton.num_keypoints != count:
            text = "%s: expected a skeleton of %d keypoints, as the network has, got %s with %d"
            raise ConfigError(text % (path, count, skeleton.name, skeleton.num_keypoints))
        return skeleton, "by --skeleton"
    family = FAMILIES.get(conventions.family)
    if family is not None and count in family.skeletons:
        return get_skeleton(family.skeletons[count]), "family %s has this one" % conventions.family
    if told is not None and contract.person in told.keypoint_names:
        return _skeleton_of_names(path, told.keypoint_names[contract.person])
    if told is not None and told.classes[contract.person].strip().lower() == "person" and count == 17:
        return get_skeleton("coco17"), "class 'person' with 17 keypoints"
    known = [skeleton.name for skeleton in SKELETONS.values() if skeleton.num_keypoints == count]
    text = "%s: expected --skeleton with %sa file that names its %d keypoints, which the model does not tell"
    raise ConfigError(text % (path, "".join(name + ", " for name in known) + ("or " if known else ""), count))


def _skeleton_of_names(path: str, names: Tuple[str, ...]) -> Tuple[Skeleton, str]:
    """Find the skeleton with the names that a file has, else make one without bones, and say which it is."""
    plain = tuple(name.strip().lower().replace(" ", "_") for name in names)
    for skeleton in SKELETONS.values():
        if skeleton.keypoints == plain:
            return skeleton, "its names of keypoints"
    try:
        skeleton = skeleton_from_json({"name": "named_in_file", "keypoints": list(names), "links": []})
    except ConfigError as error:
        raise ModelError("%s: %s" % (path, error))
    return skeleton, "its names of keypoints; no bones are known"
