import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.options import (
    LIVE,
    OPTIONS,
    Option,
    PipelineOptions,
    check_options,
    check_value,
    expected_text,
    intended_name,
    make_options,
    parse_text,
    unknown_text,
    with_new_names,
)

TOPICS = Option("topics", ["image"], "")
ROI = Option("roi", [0, 0], "")
SOURCE = Option("source", "", "", number_too=True)
TURN = Option("turn", 0, "", choices=(0, 90))


def test_the_table_has_every_option_with_its_default():
    assert tuple(OPTIONS) == PipelineOptions._fields
    assert tuple(option.default for option in OPTIONS.values()) == PipelineOptions()
    assert set(LIVE) < set(OPTIONS) and "detect_every_s" in LIVE and "model" not in LIVE


def test_numbers_have_a_range_which_holds_the_default():
    for option in OPTIONS.values():
        assert len(option.description) > 20
        if isinstance(option.default, bool) or isinstance(option.default, str):
            assert option.low is None and option.high is None
        else:
            assert option.low <= option.default <= option.high


def test_help_shows_the_table():
    for option in OPTIONS.values():
        assert "    %s: %s" % (option.name, option.description) in PipelineOptions.__doc__


@pytest.mark.parametrize(
    "option, value, expected",
    [
        (OPTIONS["model"], "x", "x"),
        (OPTIONS["tracking"], False, False),
        (OPTIONS["max_people"], 1, 1),
        (OPTIONS["max_people"], np.int64(1000), 1000),
        (OPTIONS["smoothing_strength"], 1, 1.0),
        (OPTIONS["smoothing_strength"], np.float32(0.5), 0.5),
        (TOPICS, ["a", "b"], ["a", "b"]),
        (TOPICS, [], []),
        (ROI, [1, 2, 3], [1, 2, 3]),
        (SOURCE, 0, "0"),
        (TURN, 90, 90),
    ],
)
def test_good_values(option, value, expected):
    checked = check_value(option, value)
    assert checked == expected and type(checked) is type(expected)


@pytest.mark.parametrize(
    "option, value, message",
    [
        (OPTIONS["max_people"], 0, "expected max_people in 1..1000, got 0"),
        (OPTIONS["max_people"], 1001, "expected max_people in 1..1000, got 1001"),
        (OPTIONS["max_people"], 2.0, "expected max_people to be a whole number in 1..1000, got 2.0"),
        (OPTIONS["max_people"], True, "expected max_people to be a whole number in 1..1000, got True"),
        (OPTIONS["max_people"], None, "expected max_people to be a whole number in 1..1000, got None"),
        (OPTIONS["smoothing_strength"], float("nan"), "expected smoothing_strength in 0.0..1.0, got nan"),
        (OPTIONS["smoothing_strength"], "1", "expected smoothing_strength to be a number in 0.0..1.0, got '1'"),
        (OPTIONS["tracking"], 1, "expected tracking to be true or false, got 1"),
        (OPTIONS["model"], 3, "expected model to be a text, got 3"),
        (
            OPTIONS["device"],
            "x",
            "expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got 'x'",
        ),
        (TOPICS, "image", "expected topics to be a list of texts, got 'image'"),
        (TOPICS, ["image", 1], "expected topics to be a list of texts, got ['image', 1]"),
        (ROI, [1.5], "expected roi to be a list of whole numbers, got [1.5]"),
        (SOURCE, 1.5, "expected source to be a text, got 1.5"),
        (SOURCE, True, "expected source to be a text, got True"),
        (TURN, 45, "expected turn to be one of 0, 90, got 45"),
        (TURN, False, "expected turn to be one of 0, 90, got False"),
    ],
)
def test_bad_values(option, value, message):
    with pytest.raises(ConfigError) as error:
        check_value(option, value)
    assert str(error.value) == message


def test_a_huge_value_does_not_fill_the_message():
    for value in (10**400, "x" * 10**6):
        with pytest.raises(ConfigError) as error:
            check_value(OPTIONS["smoothing_strength"], value)
        assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "option, text, expected",
    [
        (OPTIONS["model"], "x.onnx", "x.onnx"),
        (OPTIONS["tracking"], "True", True),
        (OPTIONS["tracking"], "false", False),
        (OPTIONS["max_people"], " 2 ", 2),
        (OPTIONS["smoothing_strength"], "1e-1", 0.1),
        (TOPICS, "/a, /b", ["/a", "/b"]),
        (ROI, "1,2", [1, 2]),
        (SOURCE, "0", "0"),
    ],
)
def test_good_texts(option, text, expected):
    value = parse_text(option, text)
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    "option, text, message",
    [
        (OPTIONS["tracking"], "yes", "expected tracking to be true or false, got 'yes'"),
        (OPTIONS["tracking"], "", "expected tracking to be true or false, got ''"),
        (OPTIONS["max_people"], "0", "expected max_people in 1..1000, got 0"),
        (OPTIONS["max_people"], "1.0", "expected max_people to be a whole number in 1..1000, got '1.0'"),
        (OPTIONS["smoothing_strength"], "inf", "expected smoothing_strength in 0.0..1.0, got inf"),
        (ROI, "1,,2", "expected roi to be a list of whole numbers, got [1, '', 2]"),
    ],
)
def test_bad_texts(option, text, message):
    with pytest.raises(ConfigError) as error:
        parse_text(option, text)
    assert str(error.value) == message


def test_options_by_name():
    assert make_options({}) == PipelineOptions()
    base = PipelineOptions(model="m")
    options = make_options({"smoothing_strength": 1, "tracking": False}, base)
    assert options == base._replace(smoothing_strength=1.0, tracking=False)
    assert type(options.smoothing_strength) is float


@pytest.mark.parametrize(
    "values, words",
    [
        (
            {"detect_evry_s": 1},
            "^unknown option 'detect_evry_s'; did you mean 'detect_every_s'. known: background_detector, ",
        ),
        (
            {"treshold": 1},
            "^unknown option 'treshold'; did you mean '(score|person)_threshold'. known: background_detector, ",
        ),
        ({"beta": 4.0}, "^unknown option 'beta'; its name is 'smoothing_strength' now, see its description; known: "),
        ({"min_cutoff_hz": 1.0}, "^unknown option 'min_cutoff_hz'; its name is 'smoothing_strength' now, "),
        (
            {"cpu_engine": "openvino"},
            "^unknown option 'cpu_engine'; its name is 'device' now, .*known: ",
        ),
        ({"xyz": 1}, "^unknown option 'xyz'; known: background"),
        ({"max_people": 0}, "^expected max_people in 1..1000, got 0$"),
    ],
)
def test_bad_options_by_name(values, words):
    with pytest.raises(ConfigError, match=words):
        make_options(values)


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, {}),
        ({"beta": 1.0, "other": 2}, {"beta": 1.0, "other": 2}),
        ({"detect_every": 1}, {"detect_every_s": 0.0}),
        ({"detect_every": 5, "model": "m"}, {"detect_every_s": 5 / 30, "model": "m"}),
        ({"detect_every": 1000}, {"detect_every_s": 1000 / 30}),
        ({"confirm_after": 1}, {"confirm_after_s": 0.0}),
        ({"confirm_after": 30, "detect_every": 2}, {"confirm_after_s": 29 / 30, "detect_every_s": 2 / 30}),
    ],
)
def test_old_names_are_taken_and_explained(values, expected):
    told = []
    assert with_new_names(values, told.append) == pytest.approx(expected)
    old = sorted({"detect_every", "confirm_after"} & set(values), reverse=True)
    assert [text.split("=")[0] for text in told] == old
    assert all("use %s_s, in seconds" % name in text for name, text in zip(old, told))


def test_the_explanation_of_an_old_name():
    with pytest.warns(UserWarning) as told:
        assert make_options({"detect_every": 5}).detect_every_s == pytest.approx(1 / 6)
    text = (
        "detect_every=5 counts frames; use detect_every_s, in seconds: taken as detect_every_s=0.167, as at 30 frames"
    )
    assert [str(warning.message) for warning in told] == [text + " a second"]


@pytest.mark.parametrize(
    "values, words",
    [
        ({"detect_every": 0}, "^expected detect_every in 1..1000, got 0$"),
        ({"detect_every": 0.5}, "^expected detect_every to be a whole number in 1..1000, got 0.5$"),
        ({"confirm_after": 31}, "^expected confirm_after in 1..30, got 31$"),
        (
            {"detect_every": 5, "detect_every_s": 0.5},
            "^expected either detect_every_s or its old name detect_every, got both$",
        ),
    ],
)
def test_bad_values_of_old_names(values, words):
    with pytest.raises(ConfigError, match=words):
        with_new_names(values)


def test_old_names_of_options_that_are_not_in_use_stay():
    assert with_new_names({"detect_every": 0}, known=["confirm_after_s"]) == {"detect_every": 0}


def test_check_options():
    check_options(PipelineOptions())
    with pytest.raises(ConfigError, match="^expected max_people in 1..1000, got 0$"):
        check_options(PipelineOptions(max_people=0))
    with pytest.raises(ConfigError, match="^expected threads to be a whole number in 0..256, got 2.0$"):
        check_options(PipelineOptions(threads=2.0))


@pytest.mark.parametrize(
    "name, meant",
    [
        ("", ""),
        ("modle", "model"),
        ("cpu_engine", ""),
        ("detect_evry_s", "detect_every_s"),
        ("treshold", "score_threshold"),
        ("waypoints", ""),
        ("model", "model"),
    ],
)
def test_intended_name(name, meant):
    assert intended_name(name, ["model", "detect_every_s", "score_threshold"]) == meant


def test_texts_of_messages():
    assert unknown_text("parameter", "modle", ["threads", "model"]) == (
        "unknown parameter 'modle'; did you mean 'model'? known: model, threads"
    )
    assert len(unknown_text("parameter", "x" * 10**6, ["model"])) < 200
    assert expected_text(OPTIONS["smoothing_strength"]) == "a number in 0.0..1.0"
    assert expected_text(OPTIONS["tracking"]) == "true or false"
