import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.bag.run.options import DEFAULTS, read_options


@pytest.fixture
def options(tmp_path):
    """A function: text of a parameter file or None, and -p's -> options, parameters of the node alone."""

    def read(text, *parameters):
        if text is None:
            return read_options(None, parameters)
        (tmp_path / "config.yaml").write_text(text)
        return read_options(str(tmp_path / "config.yaml"), parameters)

    return read


def test_nothing_given(options):
    assert options(None) == (DEFAULTS, [])


def test_the_shipped_file_is_read(repository):
    read, others = read_options(str(repository / "config" / "cpu.yaml"), [])
    assert (read.model, read.detector, read.detect_every_s) == ("lite0_fpn_coco", "person_detector", 0.3)
    assert not {"model", "detector"} & set(others)


@pytest.mark.parametrize(
    "text",
    [
        "/**: {ros__parameters: {detect_every_s: 2}}",
        "pose_node: {ros__parameters: {detect_every_s: 2}}",
        "/robot/pose_node: {ros__parameters: {detect_every_s: 2}}",
        "robot: {pose_node: {ros__parameters: {detect_every_s: 2}}}",
        "/**: {ros__parameters: {detect_every_s: 2}}\nvideo_node: {ros__parameters: {detect_every_s: 9}}",
        "pose_node: {ros__parameters: {detect_every_s: 2}}\n/**: {ros__parameters: {detect_every_s: 9}}",
    ],
)
def test_where_parameters_may_stand(options, text):
    assert options(text) == (DEFAULTS._replace(detect_every_s=2.0), [])


def test_old_names_are_taken_and_explained(options, capsys):
    text = "/**: {ros__parameters: {detect_every: 9}}"
    assert options(text, "confirm_after:=4") == (DEFAULTS._replace(detect_every_s=0.3, confirm_after_s=0.1), [])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("pose: warning: detect_every=9 counts frames; use detect_every_s, in seconds")
    assert second.startswith("pose: warning: confirm_after=4 counts frames; use confirm_after_s, in seconds")


def test_the_command_line_goes_first(options):
    text = "/**: {ros__parameters: {detect_every_s: 2, tracking: true, marker_lifetime_s: 1.0}}"
    read, others = options(text, "detect_every_s:=7", "tracking:=false", "score_threshold:=1", "model:=other")
    assert read == DEFAULTS._replace(detect_every_s=7.0, tracking=False, score_threshold=1.0, model="other")
    assert others == ["marker_lifetime_s"]


@pytest.mark.parametrize(
    "text, parameters, words",
    [
        (
            "/**: {ros__parameters: {detect_evry: 2}}",
            [],
            "^unknown parameter 'detect_evry'; did you mean 'detect_every_s'.",
        ),
        (
            "/**: {ros__parameters: {max_people: 2.5}}",
            [],
            "^expected max_people to be a whole number in 1..1000, got 2.5$",
        ),
        ("/**: {ros__parameters: {tracking: 1}}", [], "^expected tracking to be true or false, got 1$"),
        (
            "/**: {ros__parameters: {detect_every: 2}}",
            ["detect_every_s:=0.5"],
            "^expected either detect_every_s or its old name detect_every, got both$",
        ),
        ("/**: {ros__parameters: {max_people: 0}}", [], "^expected max_people in 1..1000, got 0$"),
        ("video_node: {ros__parameters: {rate_hz: 2.0}}", [], r"expected ros__parameters of /\*\* or pose_node"),
        ("", [], "expected ros__parameters"),
        ("/**: {ros__parameters: {5: 2}}", [], "expected names of parameters, got 5"),
        ("a: &a {b: *a}", [], "at most 1000000 values"),
        ("[" * 100_000, [], "expected YAML"),
        (
            f"/**: {{ros__parameters: {{score_threshold: {10**400}}}}}",
            [],
            "^expected score_threshold in 0.0..1.0",
        ),
        ("a: [", [], "expected YAML"),
        (None, ["tracking"], "expected -p NAME:=VALUE, got tracking"),
        (None, ["tracking:=["], "-p tracking"),
    ],
)
def test_bad_parameters(options, text, parameters, words):
    with pytest.raises(ConfigError, match=words):
        options(text, *parameters)


def test_no_file():
    with pytest.raises(ConfigError, match="none.yaml: expected a YAML file"):
        read_options("none.yaml", [])
