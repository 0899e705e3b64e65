"""Test what the page says about a camera."""

import pytest

from pose_estimation_ros.nodes.web import words
from pose_estimation_ros.nodes.web.words import Facts, verdict


def status(level, message):
    return {"level": level, "message": message}


GOOD, OUTAGE = status("ok", "OK"), status("error", "no image on /image for 7 s: no publisher")
LATE, DISABLED = status("warning", "late (remedy: a faster device)"), status("ok", "disabled by its parameter")


@pytest.mark.parametrize(
    "facts, level, text",
    [
        (Facts(False, True, None, None, 0.0, []), "error", words.GONE),
        (Facts(False, False, 0.1, 0.1, 9.0, [GOOD]), "error", words.GONE),
        (Facts(True, True, None, None, 0.0, []), "ok", ""),
        (Facts(True, True, None, None, 9.0, []), "error", words.NEVER),
        (Facts(True, True, None, None, 9.0, [OUTAGE]), "error", "no image on /image for 7 s: no publisher."),
        (Facts(True, True, 7.2, 7.2, 9.0, []), "error", "No result for 7 s."),
        (Facts(True, True, 7.2, 7.2, 9.0, [GOOD]), "error", "No result for 7 s."),
        (Facts(True, True, 7.2, 7.2, 9.0, [GOOD, OUTAGE]), "error", "no image on /image for 7 s: no publisher."),
        (Facts(True, True, 7.2, 7.2, 9.0, [DISABLED]), "error", "disabled by its parameter."),
        (Facts(True, False, 0.1, 0.1, 9.0, []), "ok", ""),
        (Facts(True, False, 0.1, 0.1, 9.0, [GOOD]), "ok", ""),
        (Facts(True, False, 0.1, 0.1, 9.0, [GOOD, LATE]), "warning", "late (remedy: a faster device)"),
        (Facts(True, False, 0.1, 0.1, 9.0, [LATE, status("error", "worse")]), "error", "worse"),
        (Facts(True, False, 0.1, None, 0.0, [GOOD]), "ok", ""),
        (Facts(True, False, 0.1, None, 9.0, [GOOD]), "warning", words.NO_PICTURE),
        (Facts(True, False, 0.1, 30.0, 9.0, [GOOD]), "warning", words.NO_PICTURE),
    ],
)
def test_verdict(facts, level, text):
    assert verdict(facts) == (level, text)


def test_two_problems_of_one_level_tell_the_first():
    assert verdict(Facts(True, False, 0.1, 0.1, 9.0, [LATE, status("warning", "other")])) == (
        "warning",
        LATE["message"],
    )
