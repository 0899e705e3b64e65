"""Examine this machine, and write what was found as a table or as values."""

from typing import Any, Dict, List, Sequence, Tuple

from pose_estimation_ros.inference.doctor.devices import cameras, devices
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK, Finding, survive
from pose_estimation_ros.inference.doctor.models import POSE_MODELS, models
from pose_estimation_ros.inference.doctor.software import extras, libraries, package, ros

CHECKS = (
    ("package", package),
    ("libraries", libraries),
    ("extras", extras),
    ("ROS", ros),
    ("devices", devices),
    ("cameras", cameras),
    (POSE_MODELS, models),
)
BACKENDS = {".onnx": ("onnxruntime", "openvino"), ".engine": ("tensorrt",)}  # by the end of a model's file
MARKS = {OK: " ", MISSING: "-", BROKEN: "!"}


def examine() -> List[Finding]:
    """Return all that was found on this machine; no check raises."""
    return [finding for part, check in CHECKS for finding in survive(part, check)]


def obstacle(findings: Sequence[Finding]) -> str:
    """Return why no pose can be computed on this machine, "" where one can.

    Args:
        findings: those of examine().
    """
    usable = {(finding.part, finding.name) for finding in findings if finding.state == OK}
    lacking = [name for name in ("numpy", "cv2") if ("libraries", name) not in usable]
    if lacking:
        return "%s cannot be imported" % " and ".join(lacking)
    names = [name for part, name in usable if part == POSE_MODELS]
    if not names:
        return "there is no pose model"
    runners = {runner for end, runners in BACKENDS.items() for runner in runners if any(n.endswith(end) for n in names)}
    if not any(("libraries", runner) in usable for runner in runners):
        return "there is no library for the models: %s" % " or ".join(sorted(runners))
    return ""


def to_values(findings: Sequence[Finding]) -> Dict[str, Any]:
    """Return findings as values for JSON: {"obstacle": text, "findings": {part: [{name, value, state, remedy}]}}."""
    parts: Dict[str, List[Dict[str, str]]] = {}
    for finding in findings:
        values = {name: value for name, value in zip(finding._fields, finding) if name != "part"}
        parts.setdefault(finding.part, []).append(values)
    return {"obstacle": obstacle(findings), "findings": parts}


def to_text(findings: Sequence[Finding]) -> str:
    """Return findings as a table by parts; what is missing or broken has its remedy below it."""
    width = max([len(finding.name) for finding in findings], default=0)
    lines: List[str] = []
    for part, rows in _by_part(findings):
        lines += ["", part] if lines else [part]
        for finding in rows:
            lines.append("%s %-*s  %s" % (MARKS[finding.state], width, finding.name, finding.value))
            if finding.remedy:
                lines.append("  %-*s  to mend it: %s" % (width, "", finding.remedy))
    reason = obstacle(findings)
    lines += ["", "no pose can be computed here: " + reason if reason else "poses can be computed here"]
    return "\n".join(lines)


def _by_part(findings: Sequence[Finding]) -> List[Tuple[str, List[Finding]]]:
    parts = list(dict.fromkeys(finding.part for finding in findings))
    return [(part, [finding for finding in findings if finding.part == part]) for part in parts]
