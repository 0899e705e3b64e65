"""Read messages into plain dicts that JSON can hold: people of an image, people in space, statuses.

The functions read attributes only, so they know the classes of no message. Numbers that are not finite become None, and
texts and lists are cut, because they come from the network.
"""

import math
import re
from typing import Any, Dict, List, Optional, Sequence, Union

from pose_estimation_ros.core.colors import track_color

Reading = Dict[str, Any]

STATES = {0: "untracked", 1: "tentative", 2: "confirmed", 3: "lost"}
SOURCES = {0: "", 1: "measured", 2: "guessed", 3: "guessed", 4: "predicted"}
LEVELS = {0: "ok", 1: "warning", 2: "error", 3: "stale"}
MOST_PEOPLE = 50  # rows of a table that somebody reads
MOST_STATUSES = 50
MOST_VALUES = 100
LONGEST_TEXT = 1000


def finite(value: Any, digits: int) -> Optional[float]:
    """Return a number rounded to so many digits, None where it is NaN or infinite."""
    return round(float(value), digits) if math.isfinite(value) else None


def short(text: Any) -> str:
    """Return a text, cut to LONGEST_TEXT characters."""
    return str(text)[:LONGEST_TEXT]


def stamp_ns(stamp: Any) -> int:
    """Return a builtin_interfaces/Time in nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def color_of(track_id: int) -> str:
    """Return the colour in which the overlay draws a person, as CSS writes it."""
    blue, green, red = track_color(track_id)
    return "#%02x%02x%02x" % (red, green, blue)


def result_reading(msg: Any) -> Reading:
    """Read a PersonArray.

    Args:
        msg: the message.

    Returns:
        Dict with stamp_ns, frame_id, image_wh [px], skeleton, age_ms (None where unknown), count, in_view (how many
        are not lost) and people, of whom at most MOST_PEOPLE are listed.
    """
    return {
        "stamp_ns": stamp_ns(msg.header.stamp),
        "frame_id": short(msg.header.frame_id),
        "image_wh": [int(msg.image_width), int(msg.image_height)],
        "skeleton": short(msg.skeleton),
        "age_ms": finite(msg.timing.total_ms, 1),
        "count": len(msg.persons),
        "in_view": sum(STATES.get(int(person.state)) != "lost" for person in msg.persons),
        "people": [_person(person) for person in msg.persons[:MOST_PEOPLE]],
    }


def _person(person: Any) -> Reading:
    track_id = int(person.track_id)
    state = STATES.get(int(person.state), "unknown")
    return {"id": track_id, "color": color_of(track_id), "state": state, "score": finite(person.score, 3)}


def space_reading(msg: Any) -> Reading:
    """Read a PersonArray3D.

    Args:
        msg: the message.

    Returns:
        Dict with stamp_ns, frame_id and people, whose distance_m and speed_mps are None where unknown.
    """
    people = [_place(person) for person in msg.persons[:MOST_PEOPLE]]
    return {"stamp_ns": stamp_ns(msg.header.stamp), "frame_id": short(msg.header.frame_id), "people": people}


def _place(person: Any) -> Reading:
    position, velocity = person.position, person.velocity
    return {
        "id": int(person.track_id),
        "distance_m": finite(_length(position), 3),
        "speed_mps": finite(_length(velocity), 3),
        "source": SOURCES.get(int(person.position_source), ""),
    }


def _length(vector: Any) -> float:
    return math.sqrt(vector.x * vector.x + vector.y * vector.y + vector.z * vector.z)  # x**2 raises OverflowError


def merged(result: Reading, space: Optional[Reading]) -> List[Reading]:
    """Return the people of an image with their places in space.

    Tracked people are found by their id. People without an id are the same in the same order if both messages belong
    to the same image.

    Args:
        result: of result_reading().
        space: of space_reading(), None where there is none.
    """
    places = space["people"] if space else []
    by_id = {place["id"]: place for place in places if place["id"] >= 0}
    same = space is not None and space["stamp_ns"] == result["stamp_ns"] and len(places) == len(result["people"])
    people = []
    for index, person in enumerate(result["people"]):
        place = by_id.get(person["id"]) if person["id"] >= 0 else (places[index] if same else None)
        names = ("distance_m", "speed_mps", "source")
        people.append(dict(person, **{name: place[name] if place else None for name in names}))
    return people


def status_reading(status: Any) -> Reading:
    """Read a DiagnosticStatus.

    Args:
        status: the message, whose level is a byte in some versions of rclpy and a number in others.

    Returns:
        Dict with name, level ("ok", "warning", "error" or "stale"), message, hardware_id and values by key.
    """
    values = {short(pair.key): short(pair.value) for pair in status.values[:MOST_VALUES]}
    return {
        "name": short(status.name),
        "level": LEVELS.get(_level(status.level), "error"),
        "message": short(status.message),
        "hardware_id": short(status.hardware_id),
        "values": values,
    }


def _level(level: Union[bytes, int]) -> int:
    return level[0] if isinstance(level, bytes) else int(level)


def is_of_camera(status: Reading) -> bool:
    """Return whether a status is that of a camera of pose_node."""
    return {"image_topic", "rate_out_hz"} <= set(status["values"])


def is_ours(status: Reading) -> bool:
    """Return whether a status is that of a pose_node or of one of its cameras."""
    return is_of_camera(status) or {"model", "skeleton", "backend"} <= set(status["values"])


def belongs_to(status: Reading, node: str) -> bool:
    """Return whether a status is that of a node or of a part of it.

    Args:
        status: of status_reading().
        node: full name of the node without a slash at its beginning, such as "robot1/pose_node".
    """
    return bool(re.match(re.escape(node) + r"(:|$)", status["name"].lstrip("/")))


def statuses_of(statuses: Sequence[Reading], node: str, prefix: str) -> List[Reading]:
    """Choose the statuses of one camera: the camera's own and that of its node.

    Args:
        statuses: all known ones.
        node: full name of the node that publishes the camera's results.
        prefix: namespace of the camera's results, which ends with "/".

    Returns:
        The statuses; the camera's own is the first.
    """
    own = [status for status in statuses if belongs_to(status, node)]
    cameras = [status for status in own if is_of_camera(status)]
    if len(cameras) > 1:  # with several cameras the results are beside the images
        topics = [(status, status["values"]["image_topic"]) for status in cameras]
        cameras = [status for status, topic in topics if topic[: topic.rfind("/") + 1] == prefix]
    return cameras + [status for status in own if not is_of_camera(status)]
