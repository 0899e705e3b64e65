"""Ask a reader, which refuses a file at its first fault, for all faults of the file.

After a fault the entries that have it are taken out, and the rest is read again. Which entries these are the reader
itself says: each of them is refused for the same reason when it is read alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.datasets.coco_faults import EXAMPLES, FaultyEntries, brief
from pose_estimation_ros.datasets.coco_ids import Id, find_id, plain_id
from pose_estimation_ros.datasets.notes import collected

PLACES = re.compile(r"^(entry|entries|person) \d+( and \d+)?")  # of entries of a list, as the readers write them
Read = Callable[[Any], object]  # takes the content of a file and raises DataError


@dataclass(frozen=True)
class Fault:
    """Hold what is wrong with a file.

    Attributes:
        problem: in words that follow "expected no", where count is above 0; else a sentence.
        count: number of entries with the fault, 0 where it is not one of entries.
        examples: the first of them.
    """

    problem: str
    count: int = 0
    examples: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the fault in one line: what was expected, and what there is."""
        if not self.count:
            return self.problem
        more = "; ..." if self.count > len(self.examples) else ""
        return f"expected no {self.problem}, got {self.count}: {'; '.join(self.examples)}{more}"


def faults_of(read: Read, content: Any, path: str) -> tuple[list[Fault], Any]:
    """Find all faults for which a reader refuses the content of a file.

    Args:
        read: the reader.
        content: COCO's object of images and annotations, or a list of entries.
        path: path of the file, which the reader's messages begin with.

    Returns:
        The faults in the order in which the reader names them, and the content without the entries that have them.
        A fault that is none of single entries ends the search; it is the last one.
    """
    faults: list[Fault] = []
    places = {id(entry): number for number, entry in enumerate(content)} if isinstance(content, list) else {}
    while True:
        fault = first_fault(read, content, path)
        if fault is None or fault.problem in [known.problem for known in faults]:
            return faults, content
        rest, faulty = without(content, functools.partial(fault_alone, read, path, fault))
        if fault.count and not faulty:
            rest = without_repeated(content)
        faults.append(renumbered(counted(fault, faulty), [places[id(entry)] for entry in content] if places else []))
        if is_empty(rest) or size(rest) == size(content):
            return faults, rest
        content = rest


def first_fault(read: Read, content: Any, path: str) -> Fault | None:
    """Return the fault for which a reader refuses a content, None where it takes it. Its warnings are not told.

    Args:
        read: the reader.
        content: of the file, or part of it.
        path: path of the file, which the reader's messages begin with.
    """
    try:
        with collected():
            read(content)
    except FaultyEntries as error:
        return Fault(error.problem, error.count, tuple(error.examples))
    except PoseError as error:
        return Fault(str(error).removeprefix(f"{path}: "))
    return None


def fault_alone(read: Read, path: str, known: Fault, content: Any) -> Fault | None:
    """Return the fault of a content of a single entry if it is the known one, else None.

    Args:
        read: the reader.
        path: path of the file.
        known: fault of the whole file.
        content: the entry, in the form of the file.
    """
    fault = first_fault(read, content, path) if known.count else None
    return fault if fault and fault.problem == known.problem else None


def counted(fault: Fault, faulty: list[Fault]) -> Fault:
    """Return a fault with the number of its entries: a reader may name the first one alone.

    Args:
        fault: as the reader named it for the whole file.
        faulty: the fault of each entry.
    """
    if len(faulty) <= fault.count:
        return fault
    examples = [example for entry in faulty[:EXAMPLES] for example in entry.examples]
    return Fault(fault.problem, len(faulty), tuple(examples[:EXAMPLES]))


def renumbered(fault: Fault, places: list[int]) -> Fault:
    """Return a fault whose examples have the places of their entries in the file.

    Args:
        fault: its examples may begin with the places in what was left of a list.
        places: where in the file the entries of the rest are, empty for COCO's object.
    """

    def in_file(match: re.Match[str]) -> str:
        return re.sub(r"\d+", lambda digits: str(places[int(digits[0])]), match[0])

    return replace(fault, examples=tuple(PLACES.sub(in_file, text) if places else text for text in fault.examples))


def without(content: Any, find: Callable[[Any], Fault | None]) -> tuple[Any, list[Fault]]:
    """Take out the entries that have a fault when they are alone.

    Args:
        content: see faults_of.
        find: returns the fault of a content of one entry, None if it has not got it.

    Returns:
        The other entries, and the faults of those that were taken out. An image takes its annotations along.
    """
    if isinstance(content, list):
        found = [find([entry]) for entry in content]
        return [entry for entry, fault in zip(content, found) if not fault], list(filter(None, found))
    if not is_coco(content):
        return content, []
    of_images = [find({**content, "images": [image], "annotations": []}) for image in content["images"]]
    images = [image for image, fault in zip(content["images"], of_images) if not fault]
    if any(of_images):
        gone = {brief(image["id"]) for image, fault in zip(content["images"], of_images) if fault and has_id(image)}
        kept = [a for a in content["annotations"] if not isinstance(a, dict) or brief(a.get("image_id")) not in gone]
        return {**content, "images": images, "annotations": kept}, list(filter(None, of_images))
    alone = list(annotations_alone(content))
    found = [find(part) for part in alone]
    kept = [part["annotations"][0] for part, fault in zip(alone, found) if not fault]
    return {**content, "annotations": kept}, list(filter(None, found))


def annotations_alone(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield for each annotation the content with it and its image alone."""
    images = {plain_id(image["id"]): image for image in content["images"] if has_id(image)}
    known: dict[Id, Any] = {key: image for key, image in images.items() if key is not None}
    for annotation in content["annotations"]:
        image_id = find_id(annotation.get("image_id"), known) if isinstance(annotation, dict) else None
        own = [known[image_id]] if image_id in known else []
        yield {**content, "images": own, "annotations": [annotation]}


def without_repeated(content: Any) -> Any:
    """Return the content with the first entry of each id."""
    if isinstance(content, list):
        return firsts(content)
    if not is_coco(content):
        return content
    return {**content, "images": firsts(content["images"]), "annotations": firsts(content["annotations"])}


def firsts(entries: Iterable[Any]) -> list[Any]:
    """Return the first entry of each id, and all entries without one."""
    found: dict[str, Any] = {}
    for number, entry in enumerate(entries):
        found.setdefault(f"id {plain_id(entry['id'])}" if has_id(entry) else f"entry {number}", entry)
    return list(found.values())


def is_coco(content: Any) -> bool:
    """Tell whether a content has COCO's lists of images and annotations."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in ("images", "annotations"))


def size(content: Any) -> int:
    """Count the entries of a content, 0 where it has none."""
    if is_coco(content):
        return len(content["images"]) + len(content["annotations"])
    return len(content) if isinstance(content, list) else 0


def is_empty(content: Any) -> bool:
    """Tell whether nothing is left of which a reader could find more faults."""
    return not (content["images"] and content["annotations"]) if is_coco(content) else size(content) == 0


def has_id(entry: Any) -> bool:
    """Tell whether an entry is an object with an id of a kind that ids have."""
    return isinstance(entry, dict) and plain_id(entry.get("id")) is not None
