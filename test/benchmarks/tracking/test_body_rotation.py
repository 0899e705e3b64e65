"""Check what the benchmark of bodies' rotations measures, on few people."""

import numpy as np
import pytest

from benchmarks.tracking.body_rotation import error_deg, person, row
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.space.body_frames import body_rotations

SMALL = make_camera([262.5, 0, 159.5, 0, 262.5, 119.5, 0, 0, 1], [], "plumb_bob", (320, 240))


def test_nobody_known_has_no_error():
    assert row(np.array([np.nan, np.nan]))[0] == 0


@pytest.mark.parametrize("turned_deg, x", [(0, (0, 0, -1)), (90, (-1, 0, 0)), (-90, (1, 0, 0)), (180, (0, 0, 1))])
def test_people_are_turned_as_they_should_be(turned_deg, x):
    """x of a body points forward: at 0 deg towards the camera, against the optical frame's z."""
    joints = person(turned_deg, np.random.RandomState(1))
    np.testing.assert_allclose(body_rotations(joints[None], get_skeleton("coco17"))[0][:, 0], x, atol=0.1)


@pytest.mark.parametrize("turned_deg", [0, 180, 20])
def test_who_faces_the_camera_or_turns_the_back_has_a_known_rotation(turned_deg):
    assert error_deg(turned_deg, np.random.RandomState(1), SMALL) < 20


@pytest.mark.parametrize("turned_deg", [90, -90])
def test_who_is_seen_from_the_side_has_none(turned_deg):
    assert np.isnan(error_deg(turned_deg, np.random.RandomState(1), SMALL))
