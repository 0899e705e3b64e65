from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class

from pose_estimation_ros.core.poses import LOST, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.messages.foxglove import CLASSES, poses_to_annotations

COCO = SKELETONS["coco17"]
WRIST, ELBOW, NOSE = (COCO.keypoints.index(name) for name in ("left_wrist", "left_elbow", "nose"))
# foxglove_msgs, as docs.foxglove.dev has them; the oldest definition of each, as later ones only add fields.
Color = message_class("Color", r=0.0, g=0.0, b=0.0, a=0.0)
Point2 = message_class("Point2", x=0.0, y=0.0)
KINDS = {"UNKNOWN": 0, "POINTS": 1, "LINE_LOOP": 2, "LINE_STRIP": 3, "LINE_LIST": 4}
MESSAGES = SimpleNamespace(
    Color=Color,
    Point2=Point2,
    PointsAnnotation=message_class(
        "PointsAnnotation", KINDS, timestamp=None, type=0, points=list, outline_color=Color, outline_colors=list,
        fill_color=Color, thickness=0.0,
    ),
    TextAnnotation=message_class(
        "TextAnnotation", timestamp=None, position=Point2, text="", font_size=0.0, text_color=Color,
        background_color=Color,
    ),
    ImageAnnotations=message_class("ImageAnnotations", circles=list, points=list, texts=list),
)  # fmt: skip


def people(track_ids, found=(WRIST, ELBOW, NOSE)):
    count = len(track_ids)
    score = np.zeros((count, 17))
    score[:, list(found)] = 0.8
    xy = np.stack([np.arange(17) * 10, np.arange(17) + 50], -1)
    boxes = np.tile([20, 30, 60, 90], (count, 1))
    return make_poses(np.tile(xy, (count, 1, 1)), score, boxes, np.full(count, 0.75), track_ids)


def annotations(poses):
    return poses_to_annotations(MESSAGES, poses, "stamp", COCO)


def test_nobody():
    own = annotations(empty_poses(17))
    assert (own.circles, own.points, own.texts) == ([], [], [])


def test_newer_definitions_have_a_timestamp_of_all_annotations():
    """With it the timestamps of the annotations do not count, as the definition says."""
    newer = message_class("ImageAnnotations", timestamp=None, circles=list, points=list, texts=list, metadata=list)
    messages = SimpleNamespace(**dict(vars(MESSAGES), ImageAnnotations=newer))
    for poses in (empty_poses(17), people([4])):
        assert poses_to_annotations(messages, poses, "stamp", COCO).timestamp == "stamp"
    assert not hasattr(annotations(people([4])), "timestamp")


def test_classes():
    assert set(vars(MESSAGES)) == set(CLASSES)


def test_only_found_keypoints_and_their_bones():
    own = annotations(people([4]))
    bones, joints = own.points
    assert [bones.type, joints.type] == [KINDS["LINE_LIST"], KINDS["POINTS"]]
    assert {(p.x, p.y) for p in bones.points} == {(10 * k + 0.5, k + 50.5) for k in (WRIST, ELBOW)}
    assert sorted(p.x for p in joints.points) == sorted(10 * k + 0.5 for k in (WRIST, ELBOW, NOSE))
    assert len(joints.outline_colors) == 3
    assert all(own.timestamp == "stamp" for own in own.points + own.texts)


def test_colors_are_rgb_from_0_to_1_and_can_be_seen():
    bones, joints = annotations(people([4], found=[WRIST, ELBOW])).points
    assert [(c.r, c.g, c.b, c.a) for c in joints.outline_colors] == [(1, pytest.approx(160 / 255), 64 / 255, 1)] * 2
    assert bones.outline_color.a == 1 and bones.thickness > 0 and joints.thickness > 0


def test_two_people_and_their_labels():
    own = annotations(people([4, 5]))
    assert [text.text for text in own.texts] == ["#4 75 %", "#5 75 %"]
    assert len(own.points) == 4
    assert own.points[0].outline_color.r != own.points[2].outline_color.r


def test_of_the_lost_the_label_stays():
    own = annotations(people([4], found=[]).replace(state=np.array([LOST], np.uint8)))
    assert own.points == [] and [text.text for text in own.texts] == ["#4 lost"]
    assert own.texts[0].position.x == 20.5 and own.texts[0].position.y < 30.5


def test_somebody_without_keypoints_is_not_drawn():
    own = annotations(people([4], found=[]))
    assert own.points == own.texts == []


def test_a_nose_alone_has_no_bones():
    own = annotations(people([4], found=[NOSE]))
    assert [points.type for points in own.points] == [KINDS["POINTS"]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e12])
def test_a_keypoint_out_of_reach_is_left_out(bad):
    poses = people([4])
    poses.xy[0, NOSE] = bad
    own = annotations(poses)
    assert [len(points.points) for points in own.points] == [2, 2] and own.points[1].thickness > 0


@pytest.mark.parametrize("name", ["hand21", "wholebody133"])
@pytest.mark.parametrize("step, factor", [(100, 1), (3, 0.35)])
def test_joints_of_a_face_or_hand_do_not_hide_each_other(name, step, factor):
    """Keypoints on a line: the second nearest is as far away as the nearest, but for the two ends."""
    skeleton = SKELETONS[name]
    count = skeleton.num_keypoints
    xy = np.stack([np.arange(count) * step, np.zeros(count)], -1)[None]
    poses = make_poses(xy, np.ones((1, count)), np.ones((1, 4)), np.ones(1))
    bones, joints = poses_to_annotations(MESSAGES, poses, "stamp", skeleton).points
    assert (len(bones.points), len(joints.points)) == (2 * len(skeleton.links), count)
    assert joints.thickness == pytest.approx(6 * factor) and bones.thickness == pytest.approx(2 * factor)
