"""Make diagnostic_msgs/DiagnosticArray messages: one status for the node and one for each camera.

An unknown value is "unknown", never a guess and never NaN. Numbers are plain; their unit ends the key.
"""

import math
import re
from typing import Any, List, Mapping, NamedTuple, Sequence, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from pose_estimation_ros.core.machine import UNKNOWN
from pose_estimation_ros.core.model_spec import END_TO_END
from pose_estimation_ros.inference.non_finite import NonFinite
from pose_estimation_ros.nodes.camera.statistics import Summary

NONE = "none"
TOO_OLD = "too_old"  # kind of drop: older than max_age_ms
REPLACED = "replaced"  # kind of drop: a newer image came while it waited for those of other cameras
# Limits from which on images count as lost or late.
MANY_SKIPPED = 0.25  # share of the camera's images
FEWEST_IMAGES = 20  # in the window; a share of fewer images is not significant
BUSY = 0.8  # share of time in which the node works; above it, images are skipped because the node is slow
LATE_MS = 500.0
OTHER_CLOCK_S = 60.0  # images that seem older are not late: their stamps come from another clock
LOST_OR_LATE = (
    "images are lost or late on the way (remedy: config/fastdds_shm.xml in the environment of the camera's process), "
    "or the node is too slow"
)
LONG_STEP = (
    0.5  # step_share; pedestrians at 1 Hz have 0.5, and a tenth of them have a neighbour who is nearer than that
)
UNCONFIRMED_S = 1.0
TOO_SELDOM = (
    "%s between images may be too long (remedy: more images a second from the camera; where rate_out_hz is below"
    " rate_in_hz, a smaller model, a faster device or a longer detect_every_s)"
)
OTHER_CLOCK = "stamps are up to %.0f s behind this node's clock: set use_sim_time for a bag, or synchronise the clocks"

# Key -> meaning; <...> stands for a word. The window is the last seconds, as many as window_s says.
NODE_KEYS = {
    "model": "Name of the pose model that runs; with device auto it may be the 8-bit file of the configured one.",
    "skeleton": "Name of the model's skeleton, which pose/skeleton_info describes.",
    "keypoints": "Number of the skeleton's keypoints.",
    "decoder": "What reads the network's outputs, by its name in the spec.",
    "model_ap": "Average precision (AP) of the model in percent, from its spec, measured as model_ap_protocol says.",
    "model_ap_protocol": "Data set and settings of that measurement, by its name in the spec.",
    "backend": "What runs the pose network: onnxruntime (on the CPU), onnxruntime (cuda), openvino, tensorrt ...",
    "precision": "Arithmetic of the pose network: fp32, fp16 or int8.",
    "threads": "CPU threads of the pose network; 0: as many as cores.",
    "chosen": "Measurement by which files and threads were chosen, or none.",
    "scores": "What the scores are: calibrated, which are probabilities, or raw, as the network gives them.",
    "fallback": "Reason why a network runs on another backend than configured, or none.",
    "non_finite": "Keypoints and boxes since start-up that a network gave as NaN or infinity; they count as not found.",
    "detector": "Person detector, or none if the model finds people by itself.",
    "detector_ms": "Duration of the last run of a detector in the background, ms; 0 for one that images wait for.",
    "device": "Device that was asked for; backend says what runs.",
    "version": "Version of this package.",
    "board": "Name of the machine, as it reports it.",
    "power_mode": "Number and name of a Jetson's power mode (nvpmodel).",
    "gpu_clock_mhz": "Present clock of a Jetson's GPU.",
    "throttled": "Devices that heat slows down at present, by the kernel's names, or none.",
    "unexpected_errors": "Unexpected exceptions since start-up; the log has the traceback of each kind once.",
    "temperature_<zone>_c": "Temperature of a thermal zone, by the kernel's name for it.",
}
CAMERA_KEYS = {
    "image_topic": "Topic of the images.",
    "qos": "Reliability that the image subscription requests.",
    "window_s": "Seconds over which the figures below are taken.",
    "rate_in_hz": "Images that the camera publishes, by their sequence numbers (Iron and later; not with Cyclone DDS).",
    "rate_received_hz": "Images that reached the node.",
    "rate_out_hz": "Results that were published.",
    "skipped": "Images in the window that the node never saw: replaced by a newer one, or lost on the way.",
    "age_p50_ms": "Time from an image's stamp to its result, median; negative if the camera's clock is ahead.",
    "age_p99_ms": "The same, 99th percentile.",
    "max_age_ms": "Images older than this are dropped; none means no limit.",
    "last_image_age_s": "Time since the last image came.",
    "people": "People in the newest result.",
    "people_tentative": "People in the newest result who are not confirmed yet, see confirm_after_s.",
    "people_confirmed": "People in the newest result who are confirmed.",
    "people_lost": "Confirmed people who are out of sight in the newest result.",
    "interval_ms": "Usual time from one image that is processed to the next, by their stamps.",
    "step_share": "How far people move in that time, as a share of their size: median in the window, over people.",
    "images_received": "Images received since start-up.",
    "images_published": "Results published since start-up.",
    "<stage>_p50_ms": "Duration of a stage of the work, median in the window; of the whole run where cameras share it.",
    "<stage>_mean_ms": "The same, mean; meaningful for a detector that does not run for each image.",
    "bad_<kind>": "Images since start-up that could not be used, by kind of fault.",
    "dropped_<kind>": "Good images since start-up that were left out by choice, such as too_old or replaced.",
}

Problem = Tuple[bytes, str]  # level and message; "" for no problem


class NodeFacts(NamedTuple):
    """Hold the facts about the node from which its status is made.

    skeleton, keypoints, decoder, accuracy, scores: those of the model's spec; keypoints is their number.
    fault: reason why a network runs on another backend than configured, or "".
    chosen: see fastest.Chosen.reason, or "". detector_ms: duration of the detector's last run in the background.
    non_finite: count of values that are not finite. blind:
    whether a network computed nothing finite in its last run.
    unexpected: number of unexpected exceptions since start-up. unexpected_now: whether one came in the last seconds.
    """

    model: str
    skeleton: str
    keypoints: int
    decoder: str
    accuracy: Mapping[str, Any]
    flip_test: bool
    backend: str
    precision: str
    scores: str
    fault: str
    detector: str
    device: str
    version: str
    board: str
    threads: int = 0
    chosen: str = ""
    detector_ms: float = 0.0
    non_finite: NonFinite = NonFinite()
    blind: bool = False
    unexpected: int = 0
    unexpected_now: bool = False


class CameraFacts(NamedTuple):
    """Hold the facts about a camera, beside its Summary, from which its status is made.

    qos: reliability of the image subscription. outage: outage of the watchdog, or "". max_age_ms: limit of the age, 0
    for none. lacks: what is missing beside the images, such as depth, or "". confirm_after_s: the parameter.
    """

    image_topic: str
    qos: str
    outage: str = ""
    max_age_ms: float = 0.0
    enabled: bool = True
    lacks: str = ""
    confirm_after_s: float = 0.0


def node_status(name: str, facts: NodeFacts, heat: Mapping[str, Any]) -> DiagnosticStatus:
    """Make the status of the node.

    Args:
        name: Full name of the node.
        facts: Facts about the node.
        heat: Result of machine.describe_heat().

    Returns:
        The status.
    """
    throttled = ", ".join(heat["throttled"])
    problems = [
        (DiagnosticStatus.WARN, facts.fault and "fallback in use: " + facts.fault),
        (DiagnosticStatus.ERROR if facts.blind else DiagnosticStatus.WARN, facts.non_finite.text()),
        (DiagnosticStatus.WARN, throttled and "throttled by heat: " + throttled),
        (DiagnosticStatus.WARN, "unexpected errors, see the log" if facts.unexpected_now else ""),
    ]
    return _status("%s: Pose estimation" % name, facts.board, problems, _node_values(facts, heat))


def _node_values(facts: NodeFacts, heat: Mapping[str, Any]) -> List[Tuple[str, Any]]:
    ap, protocol = model_ap(facts.accuracy, facts.flip_test)
    values = [
        ("model", facts.model),
        ("skeleton", facts.skeleton),
        ("keypoints", facts.keypoints),
        ("decoder", facts.decoder),
        ("model_ap", ap),
        ("model_ap_protocol", protocol),
        ("backend", facts.backend),
        ("precision", facts.precision),
        ("threads", facts.threads),
        ("chosen", facts.chosen or NONE),
        ("scores", facts.scores),
        ("fallback", facts.fault or NONE),
        ("non_finite", facts.non_finite.values),
        ("detector", facts.detector),
        ("detector_ms", facts.detector_ms),
        ("device", facts.device),
        ("version", facts.version),
        ("board", facts.board),
        ("power_mode", heat["power_mode"]),
        ("gpu_clock_mhz", heat["gpu_mhz"]),
        ("throttled", ", ".join(heat["throttled"]) or NONE),
        ("unexpected_errors", facts.unexpected),
    ]
    zones = sorted(heat["temperatures_c"].items())
    return values + [("temperature_%s_c" % word(zone), degrees) for zone, degrees in zones]


def camera_status(name: str, facts: CameraFacts, summary: Summary) -> DiagnosticStatus:
    """Make the status of a camera.

    Args:
        name: Full name of the node.
        facts: Facts about the camera.
        summary: Figures of the camera.

    Returns:
        The status.
    """
    title = "%s: Camera %s" % (name, facts.image_topic)
    problems, values = _camera_problems(facts, summary), _camera_values(facts, summary)
    return _status(title, facts.image_topic, problems, values)


def _camera_values(facts: CameraFacts, summary: Summary) -> List[Tuple[str, Any]]:
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
        ("people_tentative", summary.people_tentative),
        ("people_confirmed", summary.people_confirmed),
        ("people_lost", summary.people_lost),
        ("interval_ms", 1e3 * summary.interval_s),
        ("step_share", summary.step_share),
        ("images_received", summary.received_total),
        ("images_published", summary.published_total),
    ]
    for stage, times_ms in summary.stages_ms.items():
        values += [("%s_p50_ms" % word(stage), times_ms[0]), ("%s_mean_ms" % word(stage), times_ms[1])]
    for prefix, totals in (("bad", summary.bad_total), ("dropped", summary.dropped_total)):
        values += [("%s_%s" % (prefix, word(kind)), count) for kind, count in sorted(totals.items())]
    return values


def _camera_problems(facts: CameraFacts, summary: Summary) -> List[Problem]:
    if facts.outage:
        return [(DiagnosticStatus.ERROR, facts.outage)]
    return [
        _bad_frames(summary),
        (DiagnosticStatus.WARN, _too_old(facts, summary) or _losses(facts, summary)),
        (DiagnosticStatus.WARN, "%d stamps ahead of this node's clock" % summary.ahead if summary.ahead else ""),
        (DiagnosticStatus.WARN, _too_seldom(facts, summary)),
        (DiagnosticStatus.WARN, facts.lacks),
        (DiagnosticStatus.OK, "" if facts.enabled else "disabled by its parameter"),
    ]


def _bad_frames(summary: Summary) -> Problem:
    counts = ", ".join("%s %d" % item for item in sorted(summary.bad_frames.items()))
    if not counts:
        return DiagnosticStatus.OK, ""
    if summary.rate_out_hz == 0 and not summary.dropped:
        return DiagnosticStatus.ERROR, "no image can be used: %s" % counts
    return DiagnosticStatus.WARN, "not every image can be used: %s" % counts


def _too_old(facts: CameraFacts, summary: Summary) -> str:
    """Return the message about images that are older than max_age_ms, or ""."""
    dropped = summary.dropped.get(TOO_OLD, 0)
    if not dropped and not 0 < facts.max_age_ms < summary.age_p99_ms:
        return ""
    message = "images older than %g ms: %d dropped, age p99 of the others %s ms"
    return message % (facts.max_age_ms, dropped, text(summary.age_p99_ms))


def _too_seldom(facts: CameraFacts, summary: Summary) -> str:
    """Return the message about images that come too seldom to tell who is who, with the remedy, or ""."""
    problems = []
    if summary.step_share > LONG_STEP:
        message = "people come %.2f of their size from one image to the next, so ids may change"
        problems.append(message % summary.step_share)
    if summary.unconfirmed_s > max(UNCONFIRMED_S, 2 * facts.confirm_after_s):
        problems.append("nobody was confirmed in %.1f s, although people were seen" % summary.unconfirmed_s)
    if not problems:
        return ""
    interval = "%.0f ms" % (1e3 * summary.interval_s) if summary.interval_s > 0 else UNKNOWN
    return "%s: %s" % (" and ".join(problems), TOO_SELDOM % interval)


def _losses(facts: CameraFacts, summary: Summary) -> str:
    """Return the message about images that were lost or came late, with the remedy, or "".

    A node that is slower than its camera skips images by design, so skipped images are a fault only if the node had
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


def full_name(node: Node) -> str:
    """Return the name of a node with its namespace, such as "robot1/pose_node", as the beginning of a status's name."""
    return (node.get_namespace().rstrip("/") + "/" + node.get_name()).lstrip("/")


def diagnostics(stamp: Any, statuses: Sequence[DiagnosticStatus]) -> DiagnosticArray:
    """Make the message of all statuses; stamp is the builtin_interfaces/Time of the present.

    Args:
        stamp: Time of the message.
        statuses: Statuses of the node and the cameras.
    """
    message = DiagnosticArray(status=list(statuses))
    message.header.stamp = stamp
    return message


def model_ap(accuracy: Mapping[str, Any], flip_test: bool) -> Tuple[Any, str]:
    """Choose a measurement of a spec's accuracy: end to end, else the first with the same flip test, else the first.

    Args:
        accuracy: Measurements by name, as in a model's spec.
        flip_test: Whether the node runs mirrored crops, too.

    Returns:
        The AP in percent and the name of the measurement; both "unknown" if nothing was measured.
    """
    measured = [(name, values) for name, values in accuracy.items() if isinstance(values, dict) and "AP" in values]
    measured.sort(key=lambda item: (item[1].get("protocol") != END_TO_END, bool(item[1].get("flip")) != flip_test))
    return (measured[0][1]["AP"], measured[0][0]) if measured else (UNKNOWN, UNKNOWN)


def text(value: Any) -> str:
    """Return a value as people read it: two decimals, no NaN."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "%.2f" % value if math.isfinite(value) else UNKNOWN
    return str(value) or UNKNOWN


def word(name: str) -> str:
    """Return a name as part of a key: "GPU-therm" becomes "gpu_therm"."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _status(
    name: str, hardware_id: str, problems: Sequence[Problem], values: Sequence[Tuple[str, Any]]
) -> DiagnosticStatus:
    real = [(level, message) for level, message in problems if message]
    return DiagnosticStatus(
        level=max([level for level, _ in real] or [DiagnosticStatus.OK]),
        name=name,
        message="; ".join(message for _, message in real) or "OK",
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=text(value)) for key, value in values],
    )
