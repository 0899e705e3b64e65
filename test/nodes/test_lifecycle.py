"""Test the life cycle over its services, as a manager uses it, and the same node where rclpy has none."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes import lifecycle
from pose_estimation_ros.nodes.lifecycle import ManagedNode

STEPS = ("configure", "activate", "deactivate", "cleanup")


class Recorded(ManagedNode):
    """Record the steps that were taken; those in ``failing`` raise."""

    def __init__(self, **failing):
        super().__init__("recorded")
        self.steps, self.failing = [], failing

    def _step(self, name):
        self.steps.append(name)
        if name in self.failing:
            raise self.failing[name]


def _named(step):
    def method(self):
        self._step(step)

    method.__name__ = step
    return method


for step in STEPS:
    setattr(Recorded, step, _named(step))


@pytest.fixture
def make(kept):
    made = []

    def make(**failing):
        made.append(kept(Recorded(**failing)))
        return made[-1]

    yield make
    for node in made:
        node.failing = {}


@pytest.fixture
def manager(kept):
    return kept(Node("manager"))


def call(manager, node, wait_until, kind, name, request):
    client = manager.create_client(kind, "recorded/" + name)
    wait_until(client.service_is_ready, manager, node)
    future = client.call_async(request)
    wait_until(future.done, manager, node)
    manager.destroy_client(client)
    return future.result()


def change(manager, node, wait_until, label):
    request = ChangeState.Request(transition=Transition(label=label))
    return call(manager, node, wait_until, ChangeState, "change_state", request).success


def state(manager, node, wait_until):
    return call(manager, node, wait_until, GetState, "get_state", GetState.Request()).current_state.label


def test_a_manager_walks_through_all_states(make, manager, wait_until):
    node = make()
    assert state(manager, node, wait_until) == "unconfigured"
    for label, after in zip(STEPS, ("inactive", "active", "inactive", "unconfigured")):
        assert change(manager, node, wait_until, label)
        assert state(manager, node, wait_until) == after
    assert node.steps == list(STEPS)


def test_start_goes_to_active(make, manager, wait_until):
    node = make()
    node.start()
    assert state(manager, node, wait_until) == "active" and node.steps == ["configure", "activate"]


@pytest.mark.parametrize("kind", [ConfigError, OSError])
def test_what_a_user_caused_leaves_the_state_and_start_raises_it(make, manager, wait_until, capfd, kind):
    node = make(configure=kind("expected a model, got nothing"))
    assert not change(manager, node, wait_until, "configure")
    assert state(manager, node, wait_until) == "unconfigured"
    assert "configure failed: expected a model, got nothing" in capfd.readouterr().err
    assert node.steps == ["configure", "cleanup"], "what was half made is undone"
    with pytest.raises(kind, match="expected a model"):
        node.start()
    node.failing = {}
    assert change(manager, node, wait_until, "configure") and state(manager, node, wait_until) == "inactive"


def test_an_error_nobody_expected_takes_it_back_to_unconfigured(make, manager, wait_until):
    node = make(activate=RuntimeError("boom"))
    change(manager, node, wait_until, "configure")
    assert not change(manager, node, wait_until, "activate")
    assert state(manager, node, wait_until) == "unconfigured"
    assert node.steps == ["configure", "activate", "deactivate", "cleanup"]
    node.failing = {}
    node.start()
    assert state(manager, node, wait_until) == "active"


def test_an_error_while_a_failed_step_is_undone_is_logged_too(make, manager, wait_until, capfd):
    node = make(configure=ConfigError("expected a model"), cleanup=RuntimeError("boom"))
    assert not change(manager, node, wait_until, "configure")
    assert "boom" in capfd.readouterr().err and node.unexpected_errors.total > 0
    assert state(manager, node, wait_until) == "finalized"


def test_shutdown_ends_the_process(make, manager, wait_until):
    node = make()
    node.start()
    assert not node.finished.done()
    assert change(manager, node, wait_until, "shutdown")
    assert node.finished.done() and node.steps[-2:] == ["deactivate", "cleanup"]


def test_without_a_life_cycle_start_does_the_same(make, monkeypatch):
    monkeypatch.setattr(lifecycle, "TransitionCallbackReturn", None)
    node = make()
    node.start()
    assert node.steps == ["configure", "activate"]
    with pytest.raises(ConfigError, match="no"):
        make(activate=ConfigError("no")).start()
