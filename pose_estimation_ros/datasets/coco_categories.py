"""Find the category of persons in COCO's JSON files, and read the skeleton of its keypoints.

COCO's fields of a category are "keypoints", the names, and "skeleton", pairs of their places from 1. This package also
reads and writes "flip_pairs", pairs of places from 1, and "sigmas", both as in core.skeleton.Skeleton.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, pairs_from_one, skeleton_from_json
from pose_estimation_ros.datasets.coco_faults import Entry, brief
from pose_estimation_ros.datasets.coco_ids import Id, as_number, plain_id
from pose_estimation_ros.datasets.notes import warn

PERSON = 1  # COCO's category_id, and the one that checked annotations have
NAME = "person"
UNNAMED = "coco17"  # skeleton of a file that names no keypoints

# Other names for the same place: CrowdPose's and MPII's own files, and those that were converted from them.
SYNONYMS = {"head": "headtop", "tophead": "headtop", "topofhead": "headtop", "upperneck": "neck"}


class Categories(NamedTuple):
    """Hold the ids of the categories of an annotation file.

    Attributes:
        person: id of the person, None where the file has no ids.
        non_persons: ids of the other categories.
        same: ids of further categories that count as the person's, such as the species of AP-10K.
    """

    person: Id | None
    non_persons: frozenset[Id | None]
    same: frozenset[Id | None] = frozenset()


COCO_CATEGORIES = Categories(PERSON, frozenset())


def read_categories(content: Entry, path: str, skeleton: Skeleton | None = None) -> Categories:
    """Find the person among the categories of an annotation file.

    It is the category named "person". Where there is none, it is the only category with keypoints, several with the
    same keypoints, or the only one at all. A file without categories has persons alone, or COCO's id 1 for them.

    Args:
        content: content of the file; its "annotations" are dicts.
        path: path of the file, for messages.
        skeleton: the keypoint names of the category, if it has any, must be those of this one.

    Raises:
        DataError: malformed categories, no person among them, or keypoint names of another skeleton.
    """
    entries = checked_entries(content, path)
    if not entries:
        return categories_by_use(content["annotations"], path)
    ids = [comparable_id(entry["id"]) for entry in entries]
    if len(set(ids)) < len(ids):
        raise DataError(f"{path}: expected categories of different ids, got {ids[:20]}")
    chosen = person_among(entries, path)
    if skeleton:
        check_keypoint_names(chosen, skeleton, path)
    person, same = comparable_id(chosen["id"]), frozenset(comparable_id(entry["id"]) for entry in alike(entries))
    return Categories(person, frozenset(ids) - same - {person}, same - {person})


def checked_entries(content: Entry, path: str) -> list[Entry]:
    """Return the entries of "categories". Raises DataError where they are no objects with an id.

    Args:
        content: content of the file.
        path: path of the file, for the message.
    """
    entries = content.get("categories") or []
    if not isinstance(entries, list) or any(not isinstance(e, dict) or plain_id(e.get("id")) is None for e in entries):
        raise DataError(f"{path}: expected 'categories' to be a list of objects with an id and a name")
    return entries


def annotated_skeleton(content: Any, path: str) -> Skeleton:
    """Read the skeleton of the persons in an annotation file.

    Args:
        content: content of the file; of what is no JSON object nothing is known.
        path: path of the file, for messages.

    Returns:
        The known skeleton that has the names of the category in this order; else one of these names. COCO's own where
        the file has no names. Its sigmas are None where neither the file nor core.skeleton has them.

    Raises:
        DataError: malformed categories, no person among them, or fields that make no skeleton.
    """
    entries = checked_entries(content, path) if isinstance(content, dict) else []
    category = person_among(entries, path) if entries else {}
    names = keypoint_names(category, path)
    if not names:
        return SKELETONS[UNNAMED]
    try:
        return skeleton_from_json(_skeleton_fields(category, names))
    except ConfigError as error:
        raise DataError(f"{path}: category '{brief(category.get('name'))}': {error}") from error


def _skeleton_fields(category: Entry, names: list[str]) -> Entry:
    """Return the fields of a category's skeleton, as skeleton_from_json reads them.

    Args:
        category: entry of "categories".
        names: names of its K keypoints.
    """
    links = pairs_from_one("skeleton", category.get("skeleton") or [], len(names))
    fields: Entry = {"name": str(category.get("name") or "unnamed"), "keypoints": names, "links": links}
    for known in SKELETONS.values():
        if [*map(canonical, known.keypoints)] == [*map(canonical, names)]:
            fields = known.to_json()
    if category.get("flip_pairs") is not None:
        fields["flip_pairs"] = pairs_from_one("flip_pairs", category["flip_pairs"], len(names))
    if category.get("sigmas") is not None:
        fields["sigmas"] = category["sigmas"]
    return fields


def category_of(skeleton: Skeleton) -> Entry:
    """Make the entry of "categories" for persons with this skeleton, which annotated_skeleton reads."""
    name = NAME if skeleton.name in SKELETONS else skeleton.name
    entry: Entry = {"id": PERSON, "name": name, "keypoints": list(skeleton.keypoints)}
    pairs = {"skeleton": skeleton.links, "flip_pairs": skeleton.flip_pairs}
    entry.update((field, [[a + 1, b + 1] for a, b in values]) for field, values in pairs.items())
    return entry if skeleton.sigmas is None else {**entry, "sigmas": list(skeleton.sigmas)}


def comparable_id(value: Any) -> Id | None:
    """Return a category id such that 1, 1.0 and "1" are the same."""
    return as_number(plain_id(value))


def categories_by_use(annotations: list[Entry], path: str) -> Categories:
    """Find the person where a file lists no categories, by the ids that its annotations have.

    Args:
        annotations: the annotations of the file.
        path: path of the file, for the message.
    """
    used = {comparable_id(a.get("category_id")) for a in annotations}
    if len(used) > 1 and PERSON not in used:
        raise DataError(
            f"{path}: expected 'categories' that name the person among the ids {join_values(used)}, got none"
        )
    person = PERSON if PERSON in used or not used else next(iter(used))
    return Categories(person, frozenset(used - {person}))


def alike(entries: list[Entry]) -> list[Entry]:
    """Return the categories with keypoints if these are the same ones, and none is named "person"; else []."""
    with_keypoints = [entry for entry in entries if entry.get("keypoints")]
    same = all(entry["keypoints"] == with_keypoints[0]["keypoints"] for entry in with_keypoints)
    return with_keypoints if same and not any(map(is_named_person, entries)) else []


def is_named_person(entry: Entry) -> bool:
    """Tell whether a category is named "person"."""
    return str(entry.get("name")).strip().lower() == NAME


def person_among(entries: list[Entry], path: str) -> Entry:
    """Choose the entry of the person, the first of several alike. Raises DataError where there is not exactly one.

    Args:
        entries: entries of "categories".
        path: path of the file, for the message.
    """
    named = [entry for entry in entries if is_named_person(entry)]
    for candidates in (named, alike(entries)[:1], [] if named else entries):
        if len(candidates) == 1:
            return candidates[0]
    names = join_values(entry.get("name") for entry in entries)
    raise DataError(f"{path}: expected one category named '{NAME}', got {len(named)} of {len(entries)}: {names}")


def join_values(values: Iterable[object]) -> str:
    """Join the first values for a message."""
    texts = sorted(str(value)[:40] for value in values)
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")


def check_keypoint_names(category: Entry, skeleton: Skeleton, path: str) -> None:
    """Compare the keypoint names of a category with those of a skeleton, without case, spaces, "_" and "-".

    Args:
        category: entry of "categories"; without "keypoints" there is nothing to compare.
        skeleton: the expected one.
        path: path of the file, for messages.

    Raises:
        DataError: the first name that differs, or another number of names.
    """
    names = keypoint_names(category, path)
    if not names:
        return
    where = f"{path}: category '{brief(category.get('name'))}' is not of the skeleton {skeleton.name}"
    for index, (wanted, name) in enumerate(zip(skeleton.keypoints, names)):
        if canonical(wanted) != canonical(name):
            raise DataError(f"{where}: expected keypoint {index} '{wanted}', got '{name[:40]}'")
    if len(names) != skeleton.num_keypoints:
        raise DataError(f"{where}: expected {skeleton.num_keypoints} keypoints, got {len(names)}")


def keypoint_names(category: Entry, path: str) -> list[str]:
    """Return the keypoint names of a category, [] where it has none. Raises DataError where they are no names.

    Args:
        category: entry of "categories".
        path: path of the file, for the message.
    """
    names = category.get("keypoints") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: expected the keypoints of category {brief(category.get('name'))} to be names")
    return names


def canonical(name: str) -> str:
    """Return a keypoint's name in the form in which names are compared."""
    plain = "".join(letter for letter in name.lower() if letter not in " _-")
    return SYNONYMS.get(plain, plain)


def entries_of_persons(entries: Sequence[Entry], categories: Categories, path: str, what: str) -> list[Entry]:
    """Choose the entries of persons in a file of boxes or predictions.

    Their category is the annotations' own id of the person, or COCO's 1 where no entry has that and 1 is no other
    category of the annotations.

    Args:
        entries: each with a "category_id".
        categories: categories of the annotations.
        path: path of the file, for messages.
        what: name of the entries, for messages.

    Returns:
        The entries of persons, in their order.

    Raises:
        DataError: there are entries, but none of persons.
    """
    person = PERSON if categories.person is None else categories.person
    ids = [comparable_id(entry["category_id"]) for entry in entries]
    own = {person} | categories.same
    wanted = own if own & set(ids) or PERSON in categories.non_persons else {PERSON}
    chosen = [entry for entry, category in zip(entries, ids) if category in wanted]
    if entries and not chosen:
        raise DataError(
            f"{path}: expected {what} of the category of the annotated persons, {person}, got {len(entries)} of the"
            f" category {join_values(set(ids))}"
        )
    if chosen and wanted != own:
        warn(f"{path}: {what} of category {PERSON} are taken for the annotated persons of category {person}")
    return chosen
