"""Test that unexpected exceptions are counted and logged once, and which exceptions pass."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.nodes.guard import LONGEST_LOG, PLACES, guard_of


@pytest.fixture
def node(kept):
    return kept(Node("guarded"))


def test_without_exceptions_it_is_the_callback(node):
    assert guard_of(node).wrap(lambda a, b: a + b)(1, 2) == 3
    assert (guard_of(node).total, guard_of(node).is_recent()) == (0, False)


def test_an_exception_costs_one_call_is_counted_and_logged_once(node, capfd):
    def divide(number):
        return 1 // number

    guarded = guard_of(node).wrap(divide, lambda: "failed")
    assert [guarded(number) for number in (0, 1, 0)] == ["failed", 1, "failed"]
    assert (guard_of(node).total, guard_of(node).is_recent()) == (2, True)
    stderr = capfd.readouterr().err
    assert stderr.count("ZeroDivisionError") == stderr.count("Traceback") == 1 and "in divide" in stderr


def test_other_places_are_logged_too_but_not_without_end(node, capfd):
    for number in range(PLACES + 10):
        guard_of(node).wrap(eval(compile("\n" * number + "lambda: 1 // 0", "made_up.py", "eval")))()
    assert capfd.readouterr().err.count("Traceback") == PLACES


def test_a_long_text_is_cut(node, capfd):
    def fail():
        raise ValueError("x" * 10**6)

    guard_of(node).wrap(fail)()
    assert 1000 < len(capfd.readouterr().err) < LONGEST_LOG + 1000


@pytest.mark.parametrize("error", [CudaError("no GPU"), KeyboardInterrupt(), SystemExit()])
def test_what_ends_the_node_passes(node, error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        guard_of(node).wrap(fail)()


def test_the_end_of_the_context_passes(ros):
    node = Node("late")

    def fail():
        ros.shutdown()
        raise RuntimeError("the context is invalid")

    with pytest.raises(RuntimeError):
        guard_of(node).wrap(fail)()
    assert guard_of(node).total == 0
