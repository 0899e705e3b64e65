"""Describe the options of a pipeline in one table, and check and parse values against such a table.

The nodes' parameters, launch arguments, flags of `pose`, options of bag evaluation, keywords of Python calls and the
documentation are made from OPTIONS. The parameters that only the nodes have are described by the same class.
"""

import warnings
from typing import Any, Callable, Container, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError, closest_name, shown
from pose_estimation_ros.core.fields import WORDS, Rule, is_a
from pose_estimation_ros.inference.backends.base import DEVICES, MAX_THREADS

MISSPELLED = 0.8  # similarity of two names, 0..1, from which on one is taken for a misspelling of the other
SIMILAR = 0.65  # from which on the other is worth a hint
# {old name of an option: its name now}
RENAMED = {"cpu_engine": "device", "min_cutoff_hz": "smoothing_strength", "beta": "smoothing_strength"}
FRAME_S = 1 / 30.0  # seconds that a frame stands for in options that once counted frames
LONG_WORD = 6  # letters; a name's last word that long, as in score_threshold, is often taken for the whole name


class Option(NamedTuple):
    """Describe one option: what it means and which values it takes.

    Attributes:
        name: Its name, such as detect_every_s.
        default: Its default. Values are of the same type; a list has at least one item, of the type of all items.
        description: Its meaning, for help texts and the documentation.
        low: Smallest number allowed, together with high; None where there are no limits.
        high: Largest number allowed.
        live: Whether it may change while a node runs.
        choices: All values allowed, empty where all are.
        number_too: Whether a whole number may stand for a text, as in `-p source:=0`.
        topic: Whether the value is the name of a ROS topic, or a list of them; a single name may be empty.
    """

    name: str
    default: Any
    description: str
    low: Optional[float] = None
    high: Optional[float] = None
    live: bool = False
    choices: Tuple[Any, ...] = ()
    number_too: bool = False
    topic: bool = False


class PipelineOptions(NamedTuple):
    """Hold the options that a Pipeline is built from; OPTIONS says what each of them means."""

    model: str = "lite0_fpn_coco"
    detector: str = "person_detector"
    detect_every_s: float = 0.3
    background_detector: bool = False
    score_threshold: float = 0.3
    person_threshold: float = 0.3
    max_people: int = 20
    budget_ms: float = 0.0
    tracking: bool = True
    smoothing: bool = True
    flip_test: bool = False
    threads: int = 0
    fallback: bool = False
    device: str = DEVICES[0]
    track_max_age_s: float = 3.0
    confirm_after_s: float = 0.06
    smoothing_strength: float = 0.5


DEFAULTS = PipelineOptions()


def _option(
    name: str,
    description: str,
    low: Optional[float] = None,
    high: Optional[float] = None,
    live: bool = False,
    choices: Tuple[str, ...] = (),
) -> Option:
    return Option(name, getattr(DEFAULTS, name), description, low, high, live, choices)


_TABLE = (
    _option("model", "Name or path of a model: x or x.onnx, or an engine of TensorRT, x.engine."),
    _option(
        "detector",
        '"full_frame" (one person fills the view), or name or path of a detector, shipped or imported.'
        " Models that find people by themselves need none.",
    ),
    _option(
        "detect_every_s",
        "Longest time from one run of the detector to the next, s; 0: it runs for each frame. In between, boxes follow"
        " the poses.",
        0.0,
        60.0,
        live=True,
    ),
    _option(
        "background_detector",
        "Run the detector in a thread of its own: no image waits for it, and its boxes come an image or two late, so"
        " results depend on the computer's speed. Without it the images in which it runs take longer.",
    ),
    _option(
        "score_threshold",
        "Keypoints below this probability get score 0, which means not found; see docs/explanation/scores.md.",
        0.0,
        1.0,
        live=True,
    ),
    _option(
        "person_threshold",
        "People below this probability are dropped; see docs/explanation/scores.md.",
        0.0,
        1.0,
        live=True,
    ),
    _option("max_people", "Largest number of people per frame; the best are kept.", 1, 1000, live=True),
    _option(
        "budget_ms",
        "Time for the pose network in an image, ms; 0: as long as it takes. Where there are more people than fit into"
        " it, they have turns, and move on as before in between. Only with background_detector and tracking.",
        0.0,
        10000.0,
        live=True,
    ),
    _option("tracking", "Give people ids that stay from frame to frame."),
    _option("smoothing", "Smooth tracked keypoints and measure their velocities; needs tracking.", live=True),
    _option("flip_test", "Run mirrored crops, too: more accurate, twice the time."),
    _option("threads", "CPU threads of the networks; 0: as many as cores.", 0, MAX_THREADS),
    _option("fallback", "If device or engine cannot be used or fails, go on with the .onnx model on the CPU."),
    _option(
        "device",
        "What runs the networks. cpu, cuda, tensorrt-ep: ONNX Runtime there; openvino; engine: the newest TensorRT"
        " engine of the model; auto: engines on TensorRT, .onnx files on a GPU if ONNX Runtime has one, else on the"
        " CPU. On the CPU auto may take x_int8_cpu in place of x, where it is faster.",
        choices=DEVICES,
    ),
    _option(
        "track_max_age_s",
        "Seconds for which a confirmed person may be out of sight and keep the id. After the first second the person"
        " must look alike.",
        0.0,
        5.0,
        live=True,
    ),
    _option(
        "confirm_after_s",
        "Seconds from the first sight of a person to the confirmation; two sights are always needed.",
        0.0,
        5.0,
        live=True,
    ),
    _option(
        "smoothing_strength",
        "How strongly keypoints are smoothed; higher is steadier at rest and later in sudden movements.",
        0.0,
        1.0,
        live=True,
    ),
)
OPTIONS = {option.name: option for option in _TABLE}


class Replaced(NamedTuple):
    """Describe an option that another one has replaced, and which is still accepted.

    Attributes:
        option: The old option, by which its values are checked.
        name: Name of the new option.
        convert: Function from a value of the old option to one of the new.
    """

    option: Option
    name: str
    convert: Callable[[Any], Any]


# By the old name. Both counted frames, which mean another time on each camera.
REPLACED = {
    "detect_every": Replaced(
        Option("detect_every", 5, "Old name of detect_every_s, in frames.", 1, 1000),
        "detect_every_s",
        lambda frames: 0.0 if frames == 1 else frames * FRAME_S,
    ),
    "confirm_after": Replaced(
        Option("confirm_after", 3, "Old name of confirm_after_s, in sightings.", 1, 30),
        "confirm_after_s",
        lambda sightings: (sightings - 1) * FRAME_S,
    ),
}

# help(PipelineOptions) shows the table.
PipelineOptions.__doc__ = "%s\n\nAttributes:\n%s" % (
    PipelineOptions.__doc__,
    "\n".join("    %s: %s" % (option.name, option.description) for option in _TABLE),
)

# Options that may change while a pipeline runs.
LIVE = tuple(option.name for option in _TABLE if option.live)


def make_options(values: Mapping[str, Any], base: PipelineOptions = DEFAULTS) -> PipelineOptions:
    """Return the options of a pipeline with some of them changed.

    Args:
        values: Value by the name of the option.
        base: The options that values change.

    Raises:
        ConfigError: A name is unknown, or a value has the wrong type or is out of range.
    """
    values = with_new_names(values)
    for name in values:
        if name not in OPTIONS:
            raise ConfigError(unknown_text("option", name, OPTIONS))
    return base._replace(**{name: check_value(OPTIONS[name], value) for name, value in values.items()})


def with_new_names(
    values: Mapping[str, Any],
    warn: Callable[[str], Any] = warnings.warn,
    known: Container[str] = tuple(OPTIONS),
) -> Dict[str, Any]:
    """Return values by the present names of their options.

    Args:
        values: Value by the name of the option; all names but those in REPLACED stay.
        warn: Gets a text that explains, for each old name.
        known: Names of the options that there are; old names of others stay.

    Raises:
        ConfigError: An old name stands beside the new one, or its value does not fit.
    """
    renewed = dict(values)
    for old, (option, name, convert) in REPLACED.items():
        if old not in values or name not in known:
            continue
        if name in values:
            raise ConfigError("expected either %s or its old name %s, got both" % (name, old))
        value = check_value(option, renewed.pop(old))
        renewed[name] = convert(value)
        text = "%s=%s counts frames; use %s, in seconds: taken as %s=%.3g, as at %.0f frames a second"
        warn(text % (old, value, name, name, renewed[name], 1 / FRAME_S))
    return renewed


def check_options(options: PipelineOptions) -> None:
    """Raise ConfigError that names the first option which has the wrong type or is out of range."""
    make_options(options._asdict())


def check_value(option: Option, value: Any) -> Any:
    """Check a value against the option's type, choices and range.

    Args:
        option: The option.
        value: The user's value. A whole number is taken for a float, and for a text where number_too says so.

    Returns:
        The value in the type of the option's default.

    Raises:
        ConfigError: The value does not fit.
    """
    kind, is_list = item_type(option), isinstance(option.default, list)
    if option.number_too and is_a(int, value):
        value = str(value)
    items = value if is_list else [value]
    if not isinstance(items, list) or not all(is_a(kind, item) for item in items):
        raise ConfigError("expected %s to be %s, got %s" % (option.name, expected_text(option), shown(value)))
    if option.choices and value not in option.choices:
        raise ConfigError("expected %s to be %s, got %s" % (option.name, expected_text(option), shown(value)))
    if option.low is not None and option.high is not None and not option.low <= value <= option.high:
        raise ConfigError("expected %s in %s..%s, got %s" % (option.name, option.low, option.high, shown(value)))
    return [kind(item) for item in items] if is_list else kind(value)


def parse_text(option: Option, text: str) -> Any:
    """Read the value of an option from a text, as launch files and the command line have it.

    Args:
        option: The option.
        text: The value; the items of a list are separated by commas.

    Returns:
        The value in the type of the option's default.

    Raises:
        ConfigError: The value does not fit.
    """
    kind = item_type(option)
    if isinstance(option.default, list):
        return check_value(option, [_parsed(kind, part.strip()) for part in text.split(",")])
    return check_value(option, _parsed(kind, text))


def item_type(option: Option) -> type:
    """Return the type of an option's values; for a list the type of its items."""
    return type(option.default[0] if isinstance(option.default, list) else option.default)


def expected_text(option: Option) -> str:
    """Return which values an option takes, such as "a whole number in 1..1000"."""
    if option.choices:
        return "one of %s" % ", ".join(map(str, option.choices))
    words = WORDS[item_type(option)]
    if isinstance(option.default, list):
        return "a list of %ss" % words[len("a ") :]
    return words if option.low is None else "%s in %s..%s" % (words, option.low, option.high)


def option_rule(name: str) -> Rule:
    """Return the rule of a field that is an option of a pipeline; ``name`` is the option's."""
    option = OPTIONS[name]
    return Rule(expected_text(option), lambda value: check_value(option, value))


def _checked_options(value: Any) -> PipelineOptions:
    if not isinstance(value, PipelineOptions):
        raise TypeError
    return make_options(value._asdict())


PIPELINE_OPTIONS = Rule("PipelineOptions, such as PipelineOptions(threads=1)", _checked_options)


def intended_name(name: str, known: Iterable[str]) -> str:
    """Return the known name of which this one is an old name or a misspelling, or "" where it resembles none.

    The last word of a known name may stand for all of it, as threshold for score_threshold.

    Args:
        name: The unknown name.
        known: The known names.
    """
    names = list(known)
    if RENAMED.get(name) in names:
        return RENAMED[name]
    last_words = {known_name.split("_")[-1]: known_name for known_name in names}
    meant = {word: known_name for word, known_name in last_words.items() if len(word) >= LONG_WORD}
    meant.update((known_name, known_name) for known_name in names)
    return meant.get(closest_name(name, meant, MISSPELLED), "")


def unknown_text(noun: str, name: str, known: Iterable[str]) -> str:
    """Return the message about an unknown name.

    Args:
        noun: Noun for the named thing, such as "parameter".
        name: The unknown name.
        known: All known names.
    """
    names = sorted(known)
    near = intended_name(name, names) or closest_name(name, names, SIMILAR)
    hint = "; did you mean %r? known: " % near if near else "; known: "
    if near and near == RENAMED.get(name):
        hint = "; its name is %r now, see its description; known: " % near
    return "unknown %s %s%s%s" % (noun, shown(name), hint, ", ".join(names))


def _parsed(kind: type, text: str) -> Any:
    """Return the value of a text, or the text where it has none, which check_value then refuses."""
    try:
        return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        return text
