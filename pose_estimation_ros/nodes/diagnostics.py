"""diagnostic_msgs/DiagnosticArray: one status for the node and one for each camera, from figures that others keep.

What is not known is "unknown", never a guess and never NaN; numbers are plain, their unit ends the key.
"""

import math
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from pose_estimation_ros.core.machine import UNKNOWN
from pose_estimation_ros.inference.non_finite import NonFinite
from pose_estimation_ros.nodes.camera.statistics import Summary

NONE = "none"
TOO_OLD = "too_old"  # kind of drop: older than max_age_ms
# From when on images count as lost or late.
MANY_SKIPPED = 0.25  # share of the camera's images
FEWEST_IMAGES = 20  # in the window; a share of fewer says little
BUSY = 0.8  # share of its time that the node works; above, it skips images because it is slower than the camera
LATE_MS = 500.0
OTHER_CLOCK_S = 60.0  # older images are not late: their stamps are of another clock
LOST_OR_LATE = (
    "images are lost or late on the way (remedy: config/fastdds_shm.xml in the environment of the camera's process), "
    "or the node is too slow"
)
OTHER_CLOCK = "stamps are up to %.0f s behind this node's clock: set use_sim_time for a bag, or synchronise the clocks"

# Key -> meaning; <...> stands for a word. "Window": the last seconds, as many as window_s says.
NODE_KEYS = {
    "model": "Name of the pose model.",
    "model_ap": "AP of that model in percent, as measured and noted in its spec; by the protocol of model_ap_protocol.",
    "model_ap_protocol": "Data and settings of that measurement, by its name in the spec.",
    "backend": "What the pose network runs on now, such as onnxruntime or tensorrt.",
    "precision": "Arithmetic that the pose network really has: fp32, fp16 or int8.",
    "fallback": "Why a network runs on something else than was asked for, or none.",
    "non_finite": "Keypoints and boxes since the start for which a network gave NaN or infinity; they are not found.",
    "detector": "What finds the people, or none where the model does so by itself.",
    "cpu_engine": "What runs .onnx models.",
    "version": "Of this package.",
    "board": "The machine, as it names itself.",
    "power_mode": "Number and name of a Jetson's power mode (nvpmodel).",
    "gpu_clock_mhz": "Clock of a Jetson's GPU now.",
    "throttled": "What heat slows down now, by the kernel's names, or none.",
    "unexpected_errors": "Unexpected exceptions since the start; the log has the traceback of each kind once.",
    "temperature_<zone>_c": "Temperature of a thermal zone, by the kernel's name for it.",
}
CAMERA_KEYS = {
    "image_topic": "Where the images come from.",
    "qos": "Reliability that the image subscription asks for.",
    "window_s": "Seconds that the figures below are taken over.",
    "rate_in_hz": "Images that the camera publishes, by their numbers (Iron and later; Cyclone DDS has none).",
    "rate_received_hz": "Images that came to the node.",
    "rate_out_hz": "Results published.",
    "skipped": "Images published and never seen, in the window: replaced by a newer one, or lost on the way.",
    "age_p50_ms": "From the image's stamp to publishing its result, median; negative: the camera's clock is ahead.",
    "age_p99_ms": "The same, 99th percentile.",
    "max_age_ms": "Images older than this are dropped; none: no limit.",
    "last_image_age_s": "Since the last image came.",
    "people": "In the newest result.",
    "images_received": "Since the start.",
    "images_published": "Results since the start.",
    "<stage>_p50_ms": "Time of a stage of the work, median in the window.",
    "<stage>_mean_ms": "The same, mean; of a detector that does not run for each image the mean tells.",
    "bad_<kind>": "Images since the start that could not be used, by kind of fault.",
    "dropped_<kind>": "Good images since the start that were left out by choice, such as too_old.",
}
DIAGNOSTIC_KEYS = dict(NODE_KEYS, **CAMERA_KEYS)


class NodeFacts(NamedTuple):
    """What is known of the node. accuracy: of the model's spec. error: why nothing works at all, or "".

    non_finite: what the networks computed that is not finite. blind: whether one computed nothing else the last time.
    unexpected: count of unexpected exceptions since the start; unexpected_now: whether one came in the last seconds.
    """

    model: str
    accuracy: Mapping[str, Any]
    flip_test: bool
    backend: str
    precision: str
    fault: str
    detector: str
    cpu_engine: str
    version: str
    board: str
    error: str = ""
    non_finite: NonFinite = NonFinite()
    blind: bool = False
    unexpected: int = 0
    unexpected_now: bool = False


class CameraFacts(NamedTuple):
    """What is known of a camera besides its Summary. outage: the watchdog's. max_age_ms: 0 for none. lacks: what
    images that come are without, such as depth, or ""."""

    image_topic: str
    qos: str
    outage: str = ""
    max_age_ms: float = 0.0
    enabled: bool = True
    lacks: str = ""


def node_status(name: str, facts: NodeFacts, heat: Mapping[str, Any]) -> DiagnosticStatus:
    """name: of the node; heat: machine.describe_heat()."""
    throttled = ", ".join(heat["throttled"])
    problems = [
        (DiagnosticStatus.ERROR, facts.error),
        (DiagnosticStatus.WARN, facts.fault and "fallback in use: " + facts.fault),
        (DiagnosticStatus.ERROR if facts.blind else DiagnosticStatus.WARN, facts.non_finite.text()),
        (DiagnosticStatus.WARN, throttled and "throttled by heat: " + throttled),
        (DiagnosticStatus.WARN, "unexpected errors, see the log" if facts.unexpected_now else ""),
    ]
    ap, protocol = model_ap(facts.accuracy, facts.flip_test)
    values = [
        ("model", facts.model),
        ("model_ap", ap),
        ("model_ap_protocol", protocol),
        ("backend", facts.backend),
        ("precision", facts.precision),
        ("fallback", facts.fault or NONE),
        ("non_finite", facts.non_finite.values),
        ("detector", facts.detector),
        ("cpu_engine", facts.cpu_engine),
        ("version", facts.version),
        ("board", facts.board),
        ("power_mode", heat["power_mode"]),
        ("gpu_clock_mhz", heat["gpu_mhz"]),
        ("throttled", throttled or NONE),
        ("unexpected_errors", facts.unexpected),
    ]
    values += [("temperature_%s_c" % word(zone), degrees) for zone, degrees in sorted(heat["temperatures_c"].items())]
    return _status("%s: Pose estimation" % name, facts.board, problems, values)


def camera_status(name: str, facts: CameraFacts, summary: Summary) -> DiagnosticStatus:
    """name: of the node."""
    values = [
        ("image_topic", facts.image_topic),
        ("qos", facts.qos),
        ("window_s", summary.window_s),
        ("rate_in_hz", summary.rate_in_hz),
        ("rate_received_hz", summary.rate_received_hz),
        ("rate_out_hz", summary.rate_out_hz),
        ("skipped", summary.skipped),
        ("age_p50_ms", summary.age_p50_ms),
        ("age_p99_ms", summary.age_p99_ms),
        ("max_age_ms", facts.max_age_ms or NONE),
        ("last_image_age_s", summary.last_image_age_s),
        ("people", summary.people),
        ("images_received", summary.received_total),
        ("images_published", summary.published_total),
    ]
    for stage, times_ms in summary.stages_ms.items():
        values += [("%s_p50_ms" % word(stage), times_ms[0]), ("%s_mean_ms" % word(stage), times_ms[1])]
    for prefix, totals in (("bad", summary.bad_total), ("dropped", summary.dropped_total)):
        values += [("%s_%s" % (prefix, word(kind)), count) for kind, count in sorted(totals.items())]
    return _status("%s: Camera %s" % (name, facts.image_topic), facts.image_topic, _problems(facts, summary), values)


def _problems(facts: CameraFacts, summary: Summary) -> List[Tuple[bytes, str]]:
    if facts.outage:
        return [(DiagnosticStatus.ERROR, facts.outage)]
    found = []
    if summary.bad_frames:
        useless = summary.rate_out_hz == 0 and not summary.dropped
        level, said = (DiagnosticStatus.ERROR, "no image") if useless else (DiagnosticStatus.WARN, "not every image")
        found.append((level, "%s can be used: %s" % (said, _counts(summary.bad_frames))))
    too_old = summary.dropped.get(TOO_OLD, 0)
    if too_old or 0 < facts.max_age_ms < summary.age_p99_ms:
        said = "images older than %g ms: %d dropped, age p99 of the others %s ms"
        found.append((DiagnosticStatus.WARN, said % (facts.max_age_ms, too_old, text(summary.age_p99_ms))))
    else:
        found.append((DiagnosticStatus.WARN, _losses(facts, summary)))
    if summary.ahead:
        found.append((DiagnosticStatus.WARN, "%d stamps ahead of this node's clock" % summary.ahead))
    if facts.lacks:
        found.append((DiagnosticStatus.WARN, facts.lacks))
    if not facts.enabled:
        found.append((DiagnosticStatus.OK, "disabled by its parameter"))
    return found


def _losses(facts: CameraFacts, summary: Summary) -> str:
    """Return what is to be said of images that were lost or came late, with the remedy, or "".

    A node that is slower than its camera skips images by design. So skipped images are a fault only where the node had
    time for them. Late results are a fault unless max_age_ms says how late they may be.
    """
    if summary.age_p99_ms > 1e3 * OTHER_CLOCK_S:
        return OTHER_CLOCK % (1e-3 * summary.age_p99_ms)
    share = 1.0 - summary.rate_received_hz / summary.rate_in_hz if summary.rate_in_hz > 0 else 0.0
    published = summary.skipped / share if share > 0 else 0.0
    busy = 1e-3 * summary.rate_out_hz * sum(mean_ms for _, mean_ms in summary.stages_ms.values())
    lost = share > MANY_SKIPPED and published >= FEWEST_IMAGES and busy < BUSY
    late = summary.age_p99_ms > LATE_MS and not facts.max_age_ms
    if not lost and not late:
        return ""
    skipped = "%d of %.0f images skipped, " % (summary.skipped, published) if published else ""
    return "%sage p99 %s ms: %s" % (skipped, text(summary.age_p99_ms), LOST_OR_LATE)


def full_name(node: Any) -> str:
    """Return the name of a node with its namespace, such as "robot1/pose_node", as the beginning of a status's name."""
    return (node.get_namespace().rstrip("/") + "/" + node.get_name()).lstrip("/")


def diagnostics(stamp: Any, statuses: Sequence[DiagnosticStatus]) -> DiagnosticArray:
    """stamp: builtin_interfaces/Time of now."""
    message = DiagnosticArray(status=list(statuses))
    message.header.stamp = stamp
    return message


def model_ap(accuracy: Mapping[str, Any], flip_test: bool) -> Tuple[Any, str]:
    """(AP, name of the measurement) of a spec's accuracy: the first whose flip test is as used, else the first."""
    measured = [(name, found) for name, found in accuracy.items() if isinstance(found, dict) and "AP" in found]
    measured.sort(key=lambda item: bool(item[1].get("flip")) != flip_test)
    return (measured[0][1]["AP"], measured[0][0]) if measured else (UNKNOWN, UNKNOWN)


def text(value: Any) -> str:
    """A value as people read it: two decimals, no NaN."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "%.2f" % value if math.isfinite(value) else UNKNOWN
    return str(value) or UNKNOWN


def word(name: str) -> str:
    """Any name as part of a key: "GPU-therm" -> "gpu_therm"."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _counts(kinds: Dict[str, int]) -> str:
    return ", ".join("%s %d" % item for item in sorted(kinds.items()))


def _status(
    name: str, hardware_id: str, problems: Sequence[Tuple[bytes, str]], values: Sequence[Tuple[str, Any]]
) -> DiagnosticStatus:
    """problems: (level, what there is to say, "" for nothing)."""
    real = [(level, said) for level, said in problems if said]
    return DiagnosticStatus(
        level=max([level for level, _ in real] or [DiagnosticStatus.OK]),
        name=name,
        message="; ".join(said for _, said in real) or "OK",
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=text(value)) for key, value in values],
    )
