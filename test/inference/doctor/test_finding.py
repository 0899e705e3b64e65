from pose_estimation_ros.inference.doctor.finding import BROKEN, Finding, survive


def test_findings_pass():
    found = [Finding("a", "b", "c")]
    assert survive("a", list) == [] and survive("a", lambda: found) is found


def test_an_exception_is_a_finding_in_one_line():
    def check():
        raise ZeroDivisionError("one\n  two")

    found = survive("cameras", check)
    assert [(it.part, it.value, it.state) for it in found] == [("cameras", "ZeroDivisionError: one two", BROKEN)]
    assert found[0].remedy
