"""Convert poses and skeletons to the messages of this package and back.

The message classes may come from rclpy on a robot or from a bag reader elsewhere. In all functions ``messages`` is an
object whose attributes are the needed classes out of Keypoint, Person, PersonArray, Skeleton, Keypoint3D, Person3D,
PersonArray3D, Point and Vector3. Each class takes its fields as keywords.
"""

from typing import List, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.camera import Camera, make_camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import NO_STATE, UNTRACKED, Poses, make_poses
from pose_estimation_ros.core.skeleton import UNKNOWN_SIGMA, Skeleton, skeleton_from_json
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import People3D
from pose_estimation_ros.messages.message import Message, MessageClasses


def stamp_to_s(stamp: Message) -> float:
    """Convert a builtin_interfaces/Time to seconds."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def poses_to_msg(
    messages: MessageClasses,
    poses: Poses,
    header: Message,
    image_wh: Tuple[int, int],
    skeleton_name: str,
    spare: Optional[List[Message]] = None,
) -> Message:
    """Convert the people of one image to a PersonArray, whose timing stays zero.

    Args:
        messages: has Keypoint, Person and PersonArray.
        poses: people of the image, including those out of sight (Tracker.lost).
        header: std_msgs/Header of the image.
        image_wh: (width, height) px of the image.
        skeleton_name: name of the skeleton.
        spare: Person messages of this skeleton that nobody reads any more, which are filled again: that takes a third
            of the time of making them. Where the list is too short, it is made longer.
    """
    spare = [] if spare is None else spare
    spare += [_new_person(messages, poses.score.shape[1]) for _ in range(len(poses) - len(spare))]
    persons = spare[: len(poses)]
    people = zip(poses.track_id.tolist(), poses.state.tolist(), poses.person_score.tolist(), poses.box_xyxy)
    joints = zip(poses.xy.tolist(), poses.score.tolist(), poses.velocity.tolist())
    for person, fields, rows in zip(persons, people, joints):
        person.track_id, person.state, person.score, person.box_xyxy = fields
        for keypoint, (x, y), score, (vx, vy) in zip(person.keypoints, *rows):
            keypoint.x, keypoint.y, keypoint.score, keypoint.vx, keypoint.vy = x, y, score, vx, vy
    width, height = image_wh
    return messages.PersonArray(
        header=header, image_width=width, image_height=height, skeleton=skeleton_name, persons=persons
    )


def _new_person(messages: MessageClasses, num_keypoints: int) -> Message:
    keypoints = [messages.Keypoint(x=0.0, y=0.0, score=0.0, vx=0.0, vy=0.0) for _ in range(num_keypoints)]
    box_xyxy = np.zeros(4, np.float32)
    return messages.Person(track_id=UNTRACKED, state=NO_STATE, score=0.0, box_xyxy=box_xyxy, keypoints=keypoints)


def msg_to_poses(msg: Message, num_keypoints: int) -> Poses:
    """Convert a PersonArray to poses, the inverse of poses_to_msg.

    Args:
        msg: a PersonArray. State and velocity are unknown if the messages of an old bag lack them.
        num_keypoints: number of keypoints of the skeleton.

    Raises:
        FrameError: kind "keypoints", if a person has another number of keypoints.
    """
    counts = sorted({len(person.keypoints) for person in msg.persons} - {num_keypoints})
    if counts:
        raise FrameError("keypoints", "expected %d keypoints per person, got %s" % (num_keypoints, counts))
    people = [
        [(k.x, k.y, k.score, getattr(k, "vx", 0.0), getattr(k, "vy", 0.0)) for k in person.keypoints]
        for person in msg.persons
    ]
    values = np.array(people, np.float32).reshape(len(people), num_keypoints, 5)
    boxes = np.array([person.box_xyxy for person in msg.persons], np.float32).reshape(-1, 4)
    score = np.array([person.score for person in msg.persons], np.float32)
    track_id = np.array([person.track_id for person in msg.persons], np.int32)
    state = np.array([getattr(person, "state", NO_STATE) for person in msg.persons], np.uint8)
    poses = make_poses(values[..., :2], values[..., 2], boxes, score, track_id)
    return poses.replace(state=state, velocity=values[..., 3:])


def people_to_msg(
    messages: MessageClasses, poses: Poses, joints: Joints, people: People3D, header: Message, skeleton_name: str
) -> Message:
    """Convert the people of one image in space to a PersonArray3D, whose timing stays zero.

    Args:
        messages: has Keypoint3D, Person3D, PersonArray3D, Point and Vector3.
        poses: N people of the image.
        joints: joints of the same people, in the frame of the header.
        people: places of the same people, in the frame of the header.
        header: std_msgs/Header with the stamp of the image.
        skeleton_name: name of the skeleton.
    """
    rows = zip(
        poses.track_id.tolist(), poses.state.tolist(), poses.person_score.tolist(), people.source.tolist(),
        people.height.tolist(), *_vectors(messages, people), _joint_rows(messages, poses, joints),
    )  # fmt: skip
    names = (
        "track_id", "state", "score", "position_source", "height", "position", "velocity", "position_covariance",
        "velocity_covariance", "keypoints",
    )  # fmt: skip
    persons = [messages.Person3D(**dict(zip(names, row))) for row in rows]
    return messages.PersonArray3D(header=header, skeleton=skeleton_name, persons=persons)


def _vectors(messages: MessageClasses, people: People3D) -> Tuple[Sequence[object], ...]:
    """Return the position, velocity and their covariances of each person as fields of Person3D."""
    positions = [messages.Point(x=x, y=y, z=z) for x, y, z in people.position.tolist()]
    velocities = [messages.Vector3(x=x, y=y, z=z) for x, y, z in people.velocity.tolist()]
    covariances = (people.position_covariance, people.velocity_covariance)
    flat = (list(covariance.reshape(-1, 9).astype(np.float32)) for covariance in covariances)
    return (positions, velocities, *flat)


def _joint_rows(messages: MessageClasses, poses: Poses, joints: Joints) -> List[List[Message]]:
    """Return the Keypoint3D of each person."""
    covariance = joints.covariance.reshape(joints.valid.shape + (9,))
    rows = zip(joints.position.tolist(), covariance, poses.score.tolist(), joints.valid.tolist())
    return [_keypoints_3d(messages, *row) for row in rows]


def _keypoints_3d(
    messages: MessageClasses,
    position: Sequence[Sequence[float]],
    covariance: np.ndarray,
    score: Sequence[float],
    valid: Sequence[bool],
) -> List[Message]:
    rows = zip(position, covariance, score, valid)
    return [messages.Keypoint3D(x=x, y=y, z=z, covariance=c, score=s, valid=v) for (x, y, z), c, s, v in rows]


def msg_to_joints(msg: Message, num_keypoints: int) -> Joints:
    """Convert a PersonArray3D to joints; the PersonArray of the same stamp holds the other fields of the people.

    Args:
        msg: a PersonArray3D.
        num_keypoints: number of keypoints of the skeleton.
    """
    shape = (len(msg.persons), num_keypoints)
    keypoints = [k for person in msg.persons for k in person.keypoints]
    position = np.array([(k.x, k.y, k.z) for k in keypoints], np.float32).reshape(shape + (3,))
    covariance = np.array([k.covariance for k in keypoints], np.float32).reshape(shape + (3, 3))
    return Joints(position, covariance, np.array([k.valid for k in keypoints], bool).reshape(shape))


def msg_to_people(msg: Message) -> People3D:
    """Convert a PersonArray3D to the places of its people, which are in the frame of its header."""
    count, persons = len(msg.persons), msg.persons
    vectors = (
        [(v.x, v.y, v.z) for v in values] for values in ([p.position for p in persons], [p.velocity for p in persons])
    )
    position, velocity = (np.array(values, np.float64).reshape(count, 3) for values in vectors)
    matrices = ([p.position_covariance for p in persons], [p.velocity_covariance for p in persons])
    position_covariance, velocity_covariance = (np.array(m, np.float64).reshape(count, 3, 3) for m in matrices)
    height = np.array([person.height for person in persons], np.float64)
    source = np.array([person.position_source for person in persons], np.uint8)
    return People3D(position, position_covariance, velocity, velocity_covariance, height, source)


def camera_from_info(msg: Message, rectified: bool = False) -> Camera:
    """Make the camera of a sensor_msgs/CameraInfo, with region of interest and binning.

    Args:
        msg: a sensor_msgs/CameraInfo.
        rectified: the images come from image_proc (image_rect); these have no distortion and the matrix P instead of K.

    Raises:
        FrameError: kind "camera_info", if the camera is not calibrated; see core.camera.make_camera.
    """
    size_wh = (msg.width, msg.height)
    if rectified:
        camera = make_camera(np.reshape(msg.p, (3, 4))[:, :3].ravel().tolist(), (), msg.distortion_model, size_wh)
    else:
        camera = make_camera(msg.k, msg.d, msg.distortion_model, size_wh)
    roi = msg.roi
    return camera.view((roi.x_offset, roi.y_offset), (roi.width, roi.height), (msg.binning_x, msg.binning_y))


def skeleton_to_msg(messages: MessageClasses, skeleton: Skeleton) -> Message:
    """Convert a skeleton to a Skeleton message.

    Args:
        messages: has Skeleton.
        skeleton: to convert.
    """
    return messages.Skeleton(
        name=skeleton.name,
        keypoints=list(skeleton.keypoints),
        links=[index for link in skeleton.links for index in link],
        flip_pairs=[index for pair in skeleton.flip_pairs for index in pair],
        oks_sigmas=list(skeleton.oks_sigmas),
    )


def msg_to_skeleton(msg: Message) -> Skeleton:
    """Convert a Skeleton message to the skeleton, the inverse of skeleton_to_msg.

    The sigmas of the message are float32 and are rounded to six digits. If all are UNKNOWN_SIGMA, they are not known.

    Args:
        msg: a Skeleton.

    Raises:
        ConfigError: the message describes no skeleton.
    """
    links, flip_pairs = (
        [[int(first), int(second)] for first, second in zip(flat[::2], flat[1::2])]
        for flat in (msg.links, msg.flip_pairs)
    )
    sigmas = [round(float(sigma), 6) for sigma in msg.oks_sigmas]
    known = sigmas if set(sigmas) - {UNKNOWN_SIGMA} else None
    fields = dict(name=msg.name, keypoints=list(msg.keypoints), links=links, flip_pairs=flip_pairs, sigmas=known)
    return skeleton_from_json(fields)
