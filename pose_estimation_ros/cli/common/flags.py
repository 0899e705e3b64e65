"""Make flags of `pose` commands from the table of options."""

import argparse
from typing import Any, Callable, Sequence

from pose_estimation_ros.cli.common.arguments import Kind
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.cli.common.output import warn
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.options import (
    OPTIONS,
    REPLACED,
    Option,
    PipelineOptions,
    expected_text,
    parse_text,
    with_new_names,
)

# Title of a group in the help: names of its options.
GROUPS = {
    "model": ("model", "detector"),
    "accuracy": ("score_threshold", "person_threshold", "max_people", "flip_test"),
    "tracking": ("tracking", "smoothing", "smoothing_strength", "track_max_age_s", "confirm_after_s"),
    "speed": ("device", "threads", "detect_every_s", "background_detector", "budget_ms", "fallback"),
}


def add_pipeline_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each option of a pipeline, in the groups of GROUPS; options_of reads them back."""
    for title, names in GROUPS.items():
        add_option_flags(group(parser, title), names)


def add_option_flags(parser: "argparse._ActionsContainer", names: Sequence[str] = PipelineOptions._fields) -> None:
    """Add a flag for each option, such as --detect-every-s; options_of reads them back.

    An option that is true by default gets a flag that turns it off, such as --no-tracking. The flag of an option that
    another one has replaced is taken in its place, and no help shows it.

    Args:
        parser: Parser or group of arguments that gets the flags.
        names: Names of the options.
    """
    for name in names:
        option = OPTIONS[name]
        if isinstance(option.default, bool):
            _add_switch(parser, option)
        else:
            _add_value(parser.add_mutually_exclusive_group(), option)


def options_of(args: argparse.Namespace, names: Sequence[str] = PipelineOptions._fields) -> PipelineOptions:
    """Return the options of a pipeline as a command line gives them.

    Args:
        args: Result of the parser.
        names: Names of the options that have flags; the others keep their defaults.
    """
    values = {name: getattr(args, name) for name in names}
    for old, (_, name, _) in REPLACED.items():
        if hasattr(args, old):
            values[old] = getattr(args, old)
            del values[name]
    return PipelineOptions(**with_new_names(values, warn))


def _add_switch(parser: "argparse._ActionsContainer", option: Option) -> None:
    if option.default:
        off = "switch %s off; it does this: %s" % (option.name, _help(option)[0].lower() + _help(option)[1:])
        parser.add_argument(_flag("no_" + option.name), dest=option.name, action="store_false", help=off)
    else:
        parser.add_argument(_flag(option.name), action="store_true", help=_help(option))


def _add_value(group: "argparse._ActionsContainer", option: Option) -> None:
    """Add the flag of an option, and that of the old option in its place, to a group out of which one may be given."""
    group.add_argument(
        _flag(option.name),
        type=_parser_of(option),
        default=option.default,
        choices=option.choices or None,
        metavar=None if option.choices else "X",
        help=_help(option) + " (default: %(default)s)",
    )
    for old, replaced in REPLACED.items():
        if replaced.name == option.name:
            hidden: Any = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
            group.add_argument(_flag(old), type=_parser_of(replaced.option), **hidden)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _help(option: Option) -> str:
    return option.description.replace("%", "%%")


def _parser_of(option: Option) -> Callable[[str], Any]:
    """Return the type of an option's value, as argparse takes it."""

    def parse(text: str) -> Any:
        try:
            return parse_text(option, text)
        except ConfigError as error:
            raise argparse.ArgumentTypeError(str(error))

    return Kind(expected_text(option), parse)
