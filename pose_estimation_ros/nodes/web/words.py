"""Say in words what is wrong with a camera, or that nothing is."""

from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

STALE_S = 2.0  # results older than this are shown in grey, unless the camera is slow
NO_NODE = (
    "No pose node is running: no topic ends in pose/keypoints. Start one: ros2 run pose_estimation_ros pose_node. "
    "It must have the same ROS_DOMAIN_ID as this page: %s."
)
TOO_MANY = "The first %d of %d cameras are shown, by their names."
GONE = "The pose node has ended or cannot be reached. This page shows it again as soon as it is back."
NEVER = "No result has come yet. The node may be loading its networks."
SILENT = "No result for %.0f s."
NO_PICTURE = (
    "No picture: set the parameter overlay of the pose node to true, or where its pictures are larger than 8 MB "
    "overlay_quality to less."
)
OUTAGE = "no image on "  # with this the watchdog's message in the diagnostics begins
ORDER = ("ok", "warning", "error")


class Facts(NamedTuple):
    """Hold what is known of a camera at one moment.

    Attributes:
        present: whether a node publishes the camera's results.
        stale: whether the newest result is too old, or there is none.
        result_age_s: seconds since the newest result came, None before the first.
        picture_age_s: seconds since the newest picture came, None before the first.
        watched_s: seconds since the results are followed.
        statuses: statuses of the camera and its node, the camera's own first.
    """

    present: bool
    stale: bool
    result_age_s: Optional[float]
    picture_age_s: Optional[float]
    watched_s: float
    statuses: Sequence[Dict[str, Any]]


def verdict(facts: Facts) -> Tuple[str, str]:
    """Judge a camera.

    Args:
        facts: of the camera.

    Returns:
        Level, which is "ok", "warning" or "error", and a text with what is wrong and the remedy; "" for nothing.
    """
    if not facts.present:
        return "error", GONE
    if facts.stale:
        return _no_result(facts)
    worst = max(facts.statuses, key=lambda status: _rank(status["level"]), default=None)
    if worst and _rank(worst["level"]) > 0:
        return ORDER[_rank(worst["level"])], str(worst["message"])
    if _is_missing(facts.picture_age_s, facts.watched_s):
        return "warning", NO_PICTURE
    return "ok", ""


def _no_result(facts: Facts) -> Tuple[str, str]:
    """Tell why no result comes: by the diagnostics where they know it."""
    known = [str(status["message"]) for status in facts.statuses if _rank(status["level"]) > 0]
    known += [str(s["message"]) for s in facts.statuses if _rank(s["level"]) == 0 and s["message"] not in ("", "OK")]
    if facts.result_age_s is None:
        text = NEVER
    else:
        text = SILENT % facts.result_age_s
    if not known and facts.result_age_s is None and facts.watched_s < STALE_S:
        return "ok", ""
    return "error", " ".join(["%s." % known[0].rstrip(".")] if known else [text])


def _is_missing(age_s: Optional[float], watched_s: float) -> bool:
    """Return whether pictures do not come although somebody looks at the camera for a while."""
    return watched_s > 2 * STALE_S and (age_s is None or age_s > 2 * STALE_S)


def _rank(level: str) -> int:
    """Return 0 for good, 1 for a warning, 2 for an error or a status that is out of date."""
    return ORDER.index(level) if level in ORDER else 2
