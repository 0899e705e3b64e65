"""Do some of the faults of `make faults` once each to the node as a process."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("onnx", reason="makes tiny models with onnx")

from faults.table import FAULTS, make_rig, play
from ros_domains import next_domain

LIGHT = (
    "camera restarts", "size changes", "encoding changes", "stamps jump", "garbage", "camera stalls", "double SIGINT",
)  # fmt: skip


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """Return one rig for all faults, so that what a fault leaves behind shows in the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(next_domain()))
        rig = make_rig("plain", tmp_path_factory.mktemp("faults"))
        yield rig
        rig.stop()


@pytest.mark.parametrize("name", LIGHT)
def test_fault(rig, name):
    fault = next(fault for fault in FAULTS if fault.name == name)
    outcome = play(fault, rig, rounds=1)
    assert outcome.problems == [], "%s\n%s" % (outcome, rig.log())
