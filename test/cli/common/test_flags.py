import argparse

import pytest

from pose_estimation_ros.cli.common.flags import GROUPS, add_option_flags, add_pipeline_flags, options_of
from pose_estimation_ros.inference.options import OPTIONS, PipelineOptions


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog="pose")
    add_pipeline_flags(parser)
    return parser


def test_each_option_is_in_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(PipelineOptions._fields)


def test_groups_are_those_of_the_help(parser):
    text = parser.format_help()
    places = [text.index("\n%s:\n" % title) for title in GROUPS]
    assert places == sorted(places)
    assert text.index("\ntracking:\n") < text.index("  --no-tracking") < text.index("\nspeed:\n")


def test_defaults_are_the_tables(parser):
    assert options_of(parser.parse_args([])) == PipelineOptions()


def test_every_option_has_a_flag(parser):
    line = "--model m --detector d --detect-every-s 2 --score-threshold 0.1 --person-threshold 0.2 --max-people 3"
    line += " --no-tracking --no-smoothing --flip-test --threads 4 --fallback --device openvino"
    line += " --background-detector --budget-ms 9 --track-max-age-s 2 --confirm-after-s 3 --smoothing-strength 0.3"
    expected = ("m", "d", 2, True, 0.1, 0.2, 3, 9, False, False, True, 4, True, "openvino", 2, 3, 0.3)
    assert options_of(parser.parse_args(line.split())) == expected


def test_the_help_has_each_option_s_description_and_default(parser):
    text = " ".join(parser.format_help().split())
    for option in OPTIONS.values():
        assert option.description[1:] in text
        assert isinstance(option.default, bool) or "(default: %s)" % option.default in text


@pytest.mark.parametrize(
    "words, message",
    [
        ("--max-people 0", "argument --max-people: expected max_people in 1..1000, got 0"),
        ("--detect-every 0", "argument --detect-every: expected detect_every in 1..1000, got 0"),
        (
            "--detect-every-s 0.5 --detect-every 5",
            "argument --detect-every: not allowed with argument --detect-every-s",
        ),
        ("--threads 2.0", "argument --threads: expected threads to be a whole number in 0..256, got '2.0'"),
        ("--smoothing-strength nan", "argument --smoothing-strength: expected smoothing_strength in 0.0..1.0, got nan"),
        (
            "--device x",
            "argument --device: expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got 'x'",
        ),
    ],
)
def test_what_is_refused(parser, capsys, words, message):
    with pytest.raises(SystemExit):
        parser.parse_args(words.split())
    assert capsys.readouterr().err.splitlines()[-1] == "pose: error: " + message


@pytest.mark.parametrize(
    "words, changed",
    [
        ("--detect-every 1", {"detect_every_s": 0.0}),
        ("--detect-every 6 --confirm-after=4", {"detect_every_s": 0.2, "confirm_after_s": 0.1}),
    ],
)
def test_old_flags_are_taken_and_explained(parser, capsys, words, changed):
    assert options_of(parser.parse_args(words.split())) == PipelineOptions(**changed)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(changed) and all(line.startswith("pose: warning: ") for line in lines)
    assert all("use %s, in seconds" % name in line for name, line in zip(changed, lines))
    assert not {"--detect-every", "--confirm-after"} & set(parser.format_help().split())


def test_some_options_only():
    parser = argparse.ArgumentParser()
    add_option_flags(parser, ["threads", "device"])
    parser.add_argument("--model", action="append")
    args = parser.parse_args("--threads 2 --model a --model b".split())
    assert options_of(args, ["threads", "device"]) == PipelineOptions(threads=2)
