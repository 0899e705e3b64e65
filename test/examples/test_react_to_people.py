"""The Python of docs/how-to/react-to-people.md finds the nearest person, and says NaN where that is not known."""

import re

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from pose_estimation_ros.msg import Keypoint3D, Person, Person3D, PersonArray3D, Skeleton

NAN = float("nan")


@pytest.fixture
def blocks(repository):
    return re.findall(r"```python\n(.*?)```", (repository / "docs" / "how-to" / "react-to-people.md").read_text(), re.S)


def person(x, y, sigma=0.1, state=Person.STATE_CONFIRMED, source=Person3D.SOURCE_DEPTH):
    made = Person3D(state=state, position_source=source, position_covariance=np.diag([sigma * abs(sigma)] * 3).ravel())
    made.position.x, made.position.y = x, y
    return made


@pytest.mark.parametrize(
    "people, nearest, closest",
    [
        ([], np.inf, None),
        ([person(3.0, 4.0)], 4.8, 0),
        ([person(0.0, -2.0), person(1.0, 0.0, sigma=0.3)], 0.4, 1),
        ([person(0.5, 0.0, state=Person.STATE_TENTATIVE), person(3.0, 0.0, state=Person.STATE_LOST)], 2.8, 0),
        ([person(2.0, 0.0, state=Person.STATE_NONE)], 1.8, 0),
        ([person(2.0, 0.0), person(NAN, NAN, sigma=NAN, source=Person3D.SOURCE_NONE)], NAN, 0),
        ([person(NAN, NAN, sigma=NAN, source=Person3D.SOURCE_NONE), person(2.0, 0.0)], NAN, 1),
        ([person(2.0, 0.0), person(3.0, 0.0, sigma=-0.1)], NAN, 0),  # a variance below 0
        ([person(0.5, 0.0, state=Person.STATE_NONE)], 0.3, 0),
        ([person(0.0, 0.0), person(1.0, 0.0, source=Person3D.SOURCE_PREDICTED)], 0.0, 0),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_nearest(blocks, people, nearest, closest):
    page = {}
    exec(blocks[0], page)
    message = PersonArray3D(persons=people)
    np.testing.assert_allclose(page["nearest_m"](message), nearest, atol=1e-6)
    assert page["closest_measured"](message) is (None if closest is None else people[closest])


@pytest.mark.parametrize("valid, score, reached", [(True, 0.5, [(1.0, 2.0, 3.0)]), (False, 0.5, []), (True, 0.3, [])])
def test_a_joint_by_its_name(blocks, valid, score, reached):
    found = []
    wrist = Keypoint3D(x=1.0, y=2.0, z=3.0, valid=valid, score=score)
    skeleton = Skeleton(keypoints=["nose", "right_wrist"])
    page = {"person": Person3D(keypoints=[Keypoint3D(), wrist]), "skeleton": skeleton}
    exec(blocks[1], dict(page, reach_for=lambda *xyz: found.append(xyz)))
    assert found == reached
