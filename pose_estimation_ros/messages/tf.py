"""Convert people in space to TF frames (tf2_msgs, geometry_msgs): one frame for each body, perhaps one for each joint.

Names, origin and axes are those of REP-155. A body's frame is a child of the frame of the positions. A joint's frame is
a child of its body's. Only confirmed people whose place is known have frames: the frame of a person who is LOST would
say that the person was seen at the time of the image.

A rotation that is not known is exactly the quaternion (0, 0, 0, 1): that of the parent frame. A measured one never is.
"""

from typing import Dict, List, NamedTuple, Optional

import numpy as np

from pose_estimation_ros.core.poses import CONFIRMED, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.body_frames import body_rotations, limb_rotations
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import People3D
from pose_estimation_ros.core.space.rigid import FARTHEST_M, Rigid
from pose_estimation_ros.messages.hri import body_frame, body_id, joint_frame
from pose_estimation_ros.messages.message import Message, MessageClasses

NOT_TURNED = np.eye(3)
UP, UP_OPTICAL = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])  # REP-103; an optical frame's for a level camera


class TfOptions(NamedTuple):
    """Hold what is published.

    Attributes:
        joints: whether joints have frames, too.
        joint_orientations: whether the frames of joints are turned as their limbs; otherwise they are as the body.
        camera: name of the camera in the ids, see messages.hri.camera_name().
    """

    joints: bool = False
    joint_orientations: bool = False
    camera: str = ""


def is_optical(frame: str, camera_frame: str) -> bool:
    """Tell whether a frame is that of a camera (x right, y down, z forward), not one with z up, by REP-103's names.

    Args:
        frame: name of the frame.
        camera_frame: name of the frame of the camera's images.
    """
    return frame == camera_frame or frame.endswith(("_optical_frame", "_optical"))


def up_in(frame: str, camera_frame: str) -> Optional[np.ndarray]:
    """Return the direction up (3,) in a frame, None in that of a camera, which may be tilted; see is_optical()."""
    return None if is_optical(frame, camera_frame) else UP


def people_to_tf(
    messages: MessageClasses,
    header: Message,
    poses: Poses,
    joints: Joints,
    people: People3D,
    skeleton: Skeleton,
    options: TfOptions = TfOptions(),  # noqa: B008
    up: Optional[np.ndarray] = None,
) -> List[Message]:
    """Convert the confirmed people of one image to transforms.

    Args:
        messages: has the classes TransformStamped, Transform, Vector3 and Quaternion.
        header: std_msgs/Header with the stamp of the image and the frame of all positions.
        poses: N people.
        joints: joints of the people.
        people: places of the people.
        skeleton: skeleton of the people.
        options: what is published.
        up: (3,) the direction up in that frame, None where it is not known.

    Returns:
        TransformStamped messages, each body's before those of its joints.
    """
    make = _Maker(messages, header.stamp)
    valid = joints.valid & _near(joints.position)
    position = np.where(valid[..., None], joints.position, np.nan)
    bodies = body_rotations(position, skeleton, up)
    limbs = limb_rotations(position, skeleton) if options.joints and options.joint_orientations else None
    transforms: List[Message] = []
    for person in np.flatnonzero((poses.state == CONFIRMED) & _near(people.position)).tolist():
        name = body_id(int(poses.track_id[person]), options.camera)
        body = Rigid(_known(bodies[person]), np.asarray(people.position[person], np.float64))
        transforms.append(make(header.frame_id, body_frame(name), body))
        if not options.joints:
            continue
        places, to_body = body.inverse().apply(position[person]), body.rotation.T
        for frame, joint in _joint_frames(skeleton, name).items():
            if valid[person, joint]:
                turn = NOT_TURNED if limbs is None else _known(to_body @ limbs[person, joint])
                transforms.append(make(body_frame(name), frame, Rigid(turn, places[joint])))
    return transforms


class _Maker:
    """Make TransformStamped messages of one time."""

    def __init__(self, messages: MessageClasses, stamp: Message) -> None:
        self._messages, self._stamp = messages, stamp

    def __call__(self, parent: str, child: str, rigid: Rigid) -> Message:
        """Make a message that places the child in the parent."""
        messages, (x, y, z), turn = self._messages, rigid.translation.tolist(), rigid.quaternion()
        transform = messages.Transform(
            translation=messages.Vector3(x=x, y=y, z=z),
            rotation=messages.Quaternion(x=turn[0], y=turn[1], z=turn[2], w=turn[3]),
        )
        header = messages.Header(stamp=self._stamp, frame_id=parent)
        return messages.TransformStamped(header=header, child_frame_id=child, transform=transform)


def _joint_frames(skeleton: Skeleton, body: str) -> Dict[str, int]:
    """Return the index of each joint by the name of its frame; of two with one name, the first."""
    frames: Dict[str, int] = {}
    for index, joint in enumerate(skeleton.keypoints):
        frames.setdefault(joint_frame(joint, body), index)
    return frames


def _known(rotation: np.ndarray) -> np.ndarray:
    """Return a rotation (3, 3), that of the parent frame where it is NaN."""
    return rotation if np.isfinite(rotation).all() else NOT_TURNED


def _near(points: np.ndarray) -> np.ndarray:
    """Tell which points (..., 3) m are finite and not too far: (...) bool."""
    with np.errstate(invalid="ignore"):
        near: np.ndarray = (np.abs(points) <= FARTHEST_M).all(-1)
    return near
