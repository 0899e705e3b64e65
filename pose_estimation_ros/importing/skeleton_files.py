"""Read a skeleton from the files in which projects of pose estimation describe their keypoints."""

import os
from typing import Any, Dict, List, Optional, Tuple

from pose_estimation_ros.core.atomic_files import FilePath, JsonObject, is_whole_number, read_json
from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.skeleton import (
    MAX_KEYPOINTS,
    MAX_NAME,
    SKELETONS,
    Skeleton,
    find_flip_pairs,
    pairs_from_one,
    skeleton_from_json,
)
from pose_estimation_ros.importing.mmpose_dataset import read_dataset_info
from pose_estimation_ros.importing.yaml_files import read_yaml

PERSON = "person"
TOO_MANY = "expected up to %d keypoints, as messages count them in one byte, got %d"


def read_skeleton(name_or_path: FilePath) -> Skeleton:
    """Return a skeleton by its name, or read it from a file.

    The file is one of these: the JSON object of Skeleton.to_json, a COCO annotation file (.json), the data file of an
    Ultralytics training (.yaml), or a data set of MMPose with a ``dataset_info`` (.py), which is parsed and never run.
    A file whose keypoints are those of a built-in skeleton in the same order is that skeleton, unless it tells other
    sigmas or other flip pairs.

    Args:
        name_or_path: a name of SKELETONS, or the path of a file.

    Returns:
        The skeleton; its sigmas are None where the file does not tell them.

    Raises:
        ConfigError: the name is unknown, or the file does not hold one skeleton of 1 to 255 keypoints.
    """
    path = str(name_or_path)
    if path in SKELETONS:
        return SKELETONS[path]
    ending = os.path.splitext(path)[1].lower()
    if not ending or not os.path.exists(path):
        text = "expected a skeleton out of %s, or a file (.json, .yaml, .py), got %s, which does not exist"
        raise ConfigError(text % (", ".join(sorted(SKELETONS)), shown(path)))
    if ending == ".json":
        content = read_json(path, ConfigError)
    elif ending in (".yaml", ".yml"):
        content = read_yaml(path)
    elif ending == ".py":
        content = read_dataset_info(path)
    else:
        raise ConfigError("%s: expected a skeleton in a file .json, .yaml or .py" % path)
    try:
        return _skeleton_of(content, os.path.splitext(os.path.basename(path))[0])
    except ConfigError as error:
        raise ConfigError("%s: %s" % (path, error))


def _skeleton_of(content: Any, stem: str) -> Skeleton:
    """Return the skeleton of a file's content, by the fields that it has.

    Args:
        content: what the file holds.
        stem: name of the file without its ending.
    """
    fields = content if isinstance(content, dict) else {}
    if "categories" in fields:
        return _from_coco(fields["categories"])
    if "kpt_shape" in fields:
        return _from_ultralytics(fields, stem)
    if "keypoint_info" in fields:
        return _from_mmpose(fields, stem)
    if "keypoints" not in fields:
        text = "expected keypoints, categories, kpt_shape or dataset_info of a skeleton, got %s"
        raise ConfigError(text % shown(sorted(map(str, fields)) or content))
    return skeleton_from_json(fields)


def _from_coco(categories: Any) -> Skeleton:
    """Make a skeleton of the "categories" of an annotation file.

    Pairs count from 1. Beside COCO's "skeleton", the links, there may be this package's "flip_pairs" and "sigmas".
    """
    entries = categories if isinstance(categories, list) else []
    category = _chosen([entry for entry in entries if isinstance(entry, dict) and entry.get("keypoints")])
    keypoints = category["keypoints"]
    _check_names("keypoints", keypoints)
    links = pairs_from_one("skeleton", category.get("skeleton") or [], len(keypoints))
    flip_pairs = category.get("flip_pairs")
    if flip_pairs is not None:
        flip_pairs = pairs_from_one("flip_pairs", flip_pairs, len(keypoints))
    return _checked(str(category.get("name") or PERSON), keypoints, links, flip_pairs, category.get("sigmas"))


def _chosen(categories: List[JsonObject]) -> JsonObject:
    """Return the category whose keypoints are those of all with keypoints, else that of the person."""
    persons = [entry for entry in categories if str(entry.get("name")).lower() == PERSON]
    for candidates in (categories, persons):
        if candidates and all(entry["keypoints"] == candidates[0]["keypoints"] for entry in candidates):
            return candidates[0]
    names = shown([str(entry.get("name")) for entry in categories])
    raise ConfigError("expected categories of the same keypoints, or one named '%s', got %s" % (PERSON, names))


def _from_ultralytics(fields: JsonObject, stem: str) -> Skeleton:
    """Make a skeleton of the fields of a data.yaml, which tell no links.

    Args:
        fields: kpt_shape, and perhaps flip_idx, kpt_names, names and kpt_oks_sigmas.
        stem: name of the file without its ending.
    """
    shape = fields["kpt_shape"]
    if not isinstance(shape, list) or len(shape) != 2 or not is_whole_number(shape[0], 1) or shape[1] not in (2, 3):
        raise ConfigError("expected kpt_shape [number of keypoints, 2 or 3], got %s" % shown(shape))
    count = shape[0]
    if count > MAX_KEYPOINTS:
        raise ConfigError("kpt_shape: " + TOO_MANY % (MAX_KEYPOINTS, count))
    keypoints = _names_of_class(fields)
    if keypoints is None:
        keypoints = ["keypoint_%d" % i for i in range(count)]
    _check_names("kpt_names", keypoints, count)
    flip_pairs = _swapped_pairs(keypoints, fields.get("flip_idx"))
    return _checked(stem, keypoints, [], flip_pairs, fields.get("kpt_oks_sigmas"))


def _names_of_class(fields: JsonObject) -> Any:
    """Return kpt_names, of the only class or of the person where there is a list for each class."""
    names = fields.get("kpt_names")
    if not isinstance(names, dict):
        return names
    classes = fields.get("names")
    labels = dict(enumerate(classes)) if isinstance(classes, list) else classes if isinstance(classes, dict) else {}
    return _chosen([{"name": labels.get(i, i), "keypoints": names[i]} for i in names])["keypoints"]


def _swapped_pairs(keypoints: List[str], mirrored: Any) -> Optional[List[List[int]]]:
    """Return the flip pairs of a flip_idx, None where the file has none.

    Args:
        keypoints: K names.
        mirrored: flip_idx, the index of the mirror image of each keypoint.
    """
    if not mirrored:
        return None
    count = len(keypoints)
    if not isinstance(mirrored, list) or len(mirrored) != count:
        raise ConfigError("expected flip_idx as %d indices, got %s" % (count, shown(mirrored)))
    for i, other in enumerate(mirrored):
        if not is_whole_number(other, 0, count - 1) or mirrored[other] != i:
            raise ConfigError("expected flip_idx to exchange keypoints by pairs, got %s at %d" % (shown(other), i))
    return _left_first(keypoints, [(i, other) for i, other in enumerate(mirrored) if i < other])


def _left_first(keypoints: List[str], pairs: List[Tuple[int, int]]) -> List[List[int]]:
    """Turn pairs to (left, right) where the names tell the side, else leave them.

    Args:
        keypoints: K names.
        pairs: pairs of indices.
    """
    by_name = set(find_flip_pairs(keypoints))
    return [[second, first] if (second, first) in by_name else [first, second] for first, second in pairs]


def _from_mmpose(fields: JsonObject, stem: str) -> Skeleton:
    """Make a skeleton of a dataset_info.

    Args:
        fields: keypoint_info {index: {name, swap}}, and perhaps skeleton_info {index: {link}}, sigmas, dataset_name.
        stem: name of the file without its ending.
    """
    entries = _numbered("keypoint_info", fields["keypoint_info"])
    keypoints: List[Any] = [entry.get("name") for entry in entries]
    _check_names("keypoint_info", keypoints)
    index: Dict[str, int] = {name: i for i, name in enumerate(keypoints)}
    swaps = [_index_of(index, entry["swap"], "swap") if entry.get("swap") else i for i, entry in enumerate(entries)]
    for i, other in enumerate(swaps):
        if swaps[other] != i:
            text = "expected keypoint_info to swap keypoints by pairs, got %s with %s, which swaps with %s"
            raise ConfigError(text % (keypoints[i], keypoints[other], keypoints[swaps[other]]))
    links = []
    for bone in _numbered("skeleton_info", fields.get("skeleton_info") or {}):
        ends = bone.get("link")
        if not isinstance(ends, (list, tuple)) or len(ends) != 2:
            raise ConfigError("expected skeleton_info with links of two names, got %s" % shown(ends))
        links.append([_index_of(index, end, "link") for end in ends])
    name = str(fields.get("dataset_name") or stem)
    return _checked(name, keypoints, links, _swapped_pairs(keypoints, swaps), fields.get("sigmas") or None)


def _numbered(field: str, entries: Any) -> List[JsonObject]:
    """Return the values of a dict whose keys are 0, 1, 2 ... in their order.

    Args:
        field: name of the field, for messages.
        entries: the value of the field.
    """
    is_dict = isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())
    if not is_dict or set(entries) != set(range(len(entries))):
        raise ConfigError("expected %s as {0: dict(...), 1: dict(...), ...}, got %s" % (field, shown(entries)))
    return [entries[i] for i in range(len(entries))]


def _index_of(index: Dict[str, int], name: Any, field: str) -> int:
    if not isinstance(name, str) or name not in index:
        raise ConfigError("expected %s to be the name of a keypoint, got %s" % (field, shown(name)))
    return index[name]


def _check_names(field: str, names: Any, count: Optional[int] = None) -> None:
    """Check that a field is a list of different names.

    Args:
        field: name of the field, for messages.
        names: the value of the field.
        count: number of names, None where any is right.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError("expected %s as a list of names, got %s" % (field, shown(names)))
    if count is not None and len(names) != count:
        raise ConfigError("expected %s as %d names, as kpt_shape says, got %d" % (field, count, len(names)))
    if len(names) > MAX_KEYPOINTS:
        raise ConfigError("%s: %s" % (field, TOO_MANY % (MAX_KEYPOINTS, len(names))))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError("expected different names in %s, got %s twice" % (field, shown(twice)))


def _checked(name: str, keypoints: Any, links: Any, flip_pairs: Any = None, sigmas: Any = None) -> Skeleton:
    """Return the skeleton of fields, which skeleton_from_json checks, or the built-in one that a file means.

    Args:
        name: name of the skeleton, cut at its longest length.
        keypoints: K names.
        links: pairs of indices from 0.
        flip_pairs: pairs of indices, None to derive them from the names.
        sigmas: K numbers, None where they are not known.
    """
    fields = dict(name=name[:MAX_NAME], keypoints=keypoints, links=links, flip_pairs=flip_pairs, sigmas=sigmas)
    skeleton = skeleton_from_json(fields)
    for known in SKELETONS.values():
        if known.keypoints == skeleton.keypoints and skeleton.sigmas in (None, known.sigmas):
            is_mirrored_alike = flip_pairs is None or (known.flip_index == skeleton.flip_index).all()
            return known if is_mirrored_alike else skeleton
    return skeleton
