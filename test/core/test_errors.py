import pytest

from pose_estimation_ros.core import errors


@pytest.mark.parametrize("error", [errors.ConfigError("x"), errors.ModelError("x"), errors.DataError("x")])
def test_all_are_pose_errors_and_keep_their_message(error):
    assert isinstance(error, errors.PoseError)
    assert str(error) == "x"


def test_frame_error_has_a_kind_for_the_counters():
    error = errors.FrameError("step", "expected step 1920, got 640")
    assert isinstance(error, errors.PoseError)
    assert (error.kind, str(error)) == ("step", "expected step 1920, got 640")


def test_a_frame_error_is_short_whatever_it_quotes():
    error = errors.FrameError("encoding", "expected bgr8, got %r" % ("x" * 10**6))
    assert str(error).startswith("expected bgr8, got 'xxx") and len(str(error)) == error.LONGEST


@pytest.mark.parametrize(
    "value, text",
    [
        ("", "''"),
        (None, "None"),
        (0.5, "0.5"),
        ([1, 2], "[1, 2]"),
        ("a\n\u001b", r"'a\n\x1b'"),
        ("0" * 64, "'%s'" % ("0" * 64)),
        ("x" * 10**6, "'%s...%s'" % ("x" * 37, "x" * 38)),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, ...]"),
    ],
)
def test_values_in_messages_are_short(value, text):
    assert errors.shown(value) == text


@pytest.mark.parametrize("text, cut", [("", ""), ("abc", "abc"), ("abcd", "abc...")])
def test_texts_in_messages_are_short(text, cut):
    assert errors.shortened(text, 3) == cut


@pytest.mark.parametrize(
    "error, text",
    [(MemoryError(), "MemoryError"), (ValueError("one"), "one"), (RuntimeError("two\n  lines\n"), "two lines")],
)
def test_the_reason_of_another_librarys_exception_is_one_line(error, text):
    assert errors.reason_of(error) == text


@pytest.mark.parametrize(
    "name, known, options, closest",
    [
        ("", [], {}, ""),
        ("modle", [], {}, ""),
        ("modle", ["models", "model"], {}, "model"),
        ("modle", ["other"], {}, ""),
        ("modle", ["model"], {"similarity": 0.9}, ""),
    ],
)
def test_closest_name(name, known, options, closest):
    assert errors.closest_name(name, known, **options) == closest


@pytest.mark.parametrize(
    "error, line",
    [
        (errors.ConfigError("expected a,\n  got b"), "expected a, got b"),
        (ValueError(), "ValueError"),
        (OSError(28, "No space left on device", "out/x.json"), "out/x.json: No space left on device"),
        (OSError(13, "Permission denied", b"b\xff.jpg"), "b\\udcff.jpg: Permission denied"),
        (OSError("odd"), "odd"),
        (errors.DataError("\x1b[2Jx\x07 é 寿"), "\\x1b[2Jx\\x07 é 寿"),
        (errors.DataError("x" * 5000), "x" * 1000 + "..."),
    ],
)
def test_an_error_in_one_line(error, line):
    assert errors.one_line(error) == line


@pytest.mark.parametrize("name, hint", [("", ""), ("scoer", ", did you mean 'score'?"), ("zzz", "")])
def test_a_hint_for_a_mistyped_name(name, hint):
    assert errors.did_you_mean(name, ["beta", "score"]) == hint
    assert errors.did_you_mean(name, []) == ""
