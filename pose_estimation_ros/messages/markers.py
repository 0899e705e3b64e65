"""Convert poses to RViz markers (visualization_msgs), in space or in a plane in front of the camera."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.colors import crowding, side_colors, track_color
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import LOST, UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.stamp_clock import StampClock
from pose_estimation_ros.messages.message import Message, MessageClasses
from pose_estimation_ros.messages.poses import stamp_to_s
from pose_estimation_ros.messages.tf import UP, UP_OPTICAL, is_optical

BONES, JOINTS, LABEL = range(3)  # marker ids within the namespace of a person
SIZE_PX = (3.0, 8.0, 20.0)  # sizes of BONES, JOINTS and LABEL in the plane
SIZE_M = (0.025, 0.06, 0.12)  # sizes of BONES, JOINTS and LABEL in space
LASTING = 2.0  # times between images for which markers stay at least, so that they do not blink at a low rate


class _Shape(NamedTuple):
    """Hold the geometry of one person's markers.

    Attributes:
        points: (K, 3) m.
        visible: (K,) bool.
        top: (3,) m, below the label.
        size_m: sizes in m of BONES, JOINTS and LABEL.
        distance_m: along the optical axis; of no use in another frame than the camera's.
        header: std_msgs/Header of the points.
        up: (3,) direction of the label.
    """

    points: np.ndarray
    visible: np.ndarray
    top: np.ndarray
    size_m: Sequence[float]
    distance_m: float
    header: Message
    up: np.ndarray = UP_OPTICAL


class MarkerMaker:
    """Make one MarkerArray per image, and delete the markers of people who left.

    Markers are in the camera's optical frame (x right, y down, z forward), or in the frame of the joints where that is
    another one. Bones and joints of a person are smaller where most keypoints are close together, as those of faces and
    hands are.
    """

    def __init__(
        self,
        messages: MessageClasses,
        skeleton: Skeleton,
        metres_per_px: float,
        lifetime_s: float,
        distance_m: float = 1.0,
    ) -> None:
        """Prepare markers for nobody.

        Args:
            messages: has the classes Marker, MarkerArray, Point, ColorRGBA and Duration, which take their fields as
                keywords.
            skeleton: skeleton of the people.
            metres_per_px: size of a pixel in the plane if no camera is known; the image's centre is on the axis.
            lifetime_s: after this time RViz removes a marker by itself, 0 = never; at a low rate later, see LASTING.
            distance_m: from the camera to the plane for people whose joints are not known in space.
        """
        self._messages, self._skeleton = messages, skeleton
        self._metres_per_px, self._distance_m = metres_per_px, distance_m
        self._lifetime_s, self._clock = lifetime_s, StampClock()
        self._joint_colors = [self._color(bgr) for bgr in side_colors(skeleton)]
        self._distances_m: Dict[str, float] = {}  # {namespace: distance, m} of all people with markers

    def __call__(
        self,
        poses: Poses,
        header: Message,
        image_wh: Tuple[int, int],
        camera: Optional[Camera] = None,
        joints: Optional[Joints] = None,
        joints_header: Optional[Message] = None,
        depth_m: Optional[np.ndarray] = None,
    ) -> Message:
        """Make the markers of the people of an image, and deletions for people who have left it.

        A person without joints in space is put in a plane at their depth, or else at their last known distance. A lost
        person only has a label, above the expected box. Only joints in space are in the frame of the joints.

        Args:
            poses: N people of the image.
            header: std_msgs/Header of the image.
            image_wh: (width, height) px of the image.
            camera: puts the keypoints of the plane on their rays.
            joints: joints of the same people.
            joints_header: std_msgs/Header of the joints; None for that of the image.
            depth_m: (N,) depth of each person along the optical axis, NaN where it is not known; None for nobody's.

        Returns:
            A MarkerArray.
        """
        if joints is not None:
            joints = joints._replace(valid=joints.valid & in_reach(joints.position))
        joints_header = joints_header or header
        self._lifetime = self._lifetime_from(stamp_to_s(header.stamp))
        names = [namespace(int(track_id), index) for index, track_id in enumerate(poses.track_id)]
        gone = sorted(set(self._distances_m) - set(names))
        markers = [self._bare(header, name, part) for name in gone for part in (BONES, JOINTS, LABEL)]
        last_m, self._distances_m = (self._distances_m if joints is not None else {}), {}
        for person, name in enumerate(names):
            distance_m = last_m.get(name, self._distance_m)
            if depth_m is not None and 0 < depth_m[person] < np.inf:
                distance_m = float(depth_m[person])
            if joints is not None and joints.valid[person].any():
                up = UP_OPTICAL if is_optical(joints_header.frame_id, header.frame_id) else UP
                shape = _in_space(joints.position[person], joints.valid[person], joints_header, up)
                if joints_header.frame_id != header.frame_id:
                    shape = shape._replace(distance_m=distance_m)
            else:
                shape = self._in_plane(poses.select(np.array([person])), image_wh, camera, distance_m, header)
            # The namespace of an untracked person is a place in the list, which may belong to another person next time.
            self._distances_m[name] = shape.distance_m if poses.track_id[person] != UNTRACKED else self._distance_m
            markers += self._person(shape, poses, person, name)
        return self._messages.MarkerArray(markers=markers)

    def _lifetime_from(self, stamp_s: float) -> Message:
        """Return the lifetime of the markers of an image with that stamp."""
        self._clock.advance(stamp_s)
        shortest_s = LASTING * self._clock.interval_s if self._lifetime_s > 0 else 0.0
        lifetime_s = max(self._lifetime_s, shortest_s)
        return self._messages.Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))

    def _in_plane(
        self, one: Poses, image_wh: Tuple[int, int], camera: Optional[Camera], distance_m: float, header: Message
    ) -> _Shape:
        """Compute the shape of a single person in the plane, with the label above the keypoints or else the box."""
        known, box = (one.score[0] > 0) & in_reach(one.xy[0]), one.box_xyxy[0]
        ends = one.xy[0][known] if known.any() else box.reshape(2, 2)
        pixels = np.vstack([one.xy[0], [ends[:, 0].mean(), ends[:, 1].min()]])
        if camera is not None:
            metres_per_px = distance_m / float(camera.matrix[0, 0])
            points = camera.unproject(pixels, distance_m)
        else:
            metres_per_px = self._metres_per_px
            flat = (pixels - (np.array(image_wh) - 1) / 2.0) * metres_per_px
            points = np.insert(flat, 2, distance_m, axis=1)
        visible = known & in_reach(points[:-1])
        size_m = _sizes(points[:-1], visible, [px * metres_per_px for px in SIZE_PX])
        return _Shape(points[:-1], visible, points[-1], size_m, distance_m, header)

    def _person(self, shape: _Shape, poses: Poses, person: int, name: str) -> List[Message]:
        kinds, color = self._messages.Marker, self._color(track_color(int(poses.track_id[person])))
        visible = np.flatnonzero(shape.visible).tolist()
        spots = [self._point(point) for point in shape.points]
        links = [(a, b) for a, b in self._skeleton.links if shape.visible[a] and shape.visible[b]]
        bones = self._marker(name, BONES, kinds.LINE_LIST, shape, color)
        bones.points = [spots[end] for link in links for end in link]
        joints = self._marker(name, JOINTS, kinds.SPHERE_LIST, shape, color)
        joints.points = [spots[joint] for joint in visible]
        joints.colors = [self._joint_colors[joint] for joint in visible]
        label = self._marker(name, LABEL, kinds.TEXT_VIEW_FACING, shape, color)
        if in_reach(shape.top) and (visible or poses.state[person] == LOST):
            label.text = label_of(poses, person)
            label.pose.position = self._point(shape.top + shape.size_m[LABEL] * shape.up)
        # Markers without content become deletions, because a viewer may keep the old marker when an empty one arrives.
        parts = (bones, joints, label)
        return [part if part.points or part.text else self._bare(shape.header, name, part.id) for part in parts]

    def _bare(self, header: Message, name: str, part: int) -> Message:
        """Make a marker that deletes one part of a person."""
        return self._messages.Marker(header=header, ns=name, id=part, action=self._messages.Marker.DELETE)

    def _marker(self, name: str, part: int, kind: int, shape: _Shape, color: Message) -> Message:
        marker = self._bare(shape.header, name, part)
        marker.action, marker.type, marker.color = self._messages.Marker.ADD, kind, color
        marker.lifetime = self._lifetime
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = float(shape.size_m[part])
        return marker

    def _color(self, bgr: Tuple[int, int, int]) -> Message:
        """Convert 0..255 BGR to RViz's 0..1 RGBA."""
        blue, green, red = (channel / 255.0 for channel in bgr)
        return self._messages.ColorRGBA(r=red, g=green, b=blue, a=1.0)

    def _point(self, xyz: np.ndarray) -> Message:
        x, y, z = xyz.tolist()
        return self._messages.Point(x=x, y=y, z=z)


def _in_space(position: np.ndarray, valid: np.ndarray, header: Message, up: np.ndarray) -> _Shape:
    """Compute the shape of one person with joints in space."""
    known = position[valid].astype(np.float64)
    distance_m = float(np.median(known[:, 2]))
    middle = np.array([known[:, 0].mean(), known[:, 1].mean(), distance_m])
    top = middle + (np.max(known @ up) - middle @ up) * up
    return _Shape(position, valid, top, _sizes(position, valid, SIZE_M), distance_m, header, up)


def _sizes(points: np.ndarray, visible: np.ndarray, usual: Sequence[float]) -> List[float]:
    """Return the sizes of BONES, JOINTS and LABEL; the first two shrink where keypoints (K, 3) m are dense."""
    factor = crowding(points, visible, usual[JOINTS])
    return [factor * usual[BONES], factor * usual[JOINTS], usual[LABEL]]


def namespace(track_id: int, index: int) -> str:
    """Return the namespace of a person's markers.

    Args:
        track_id: track id of the person, UNTRACKED for none.
        index: place of the person in the list, which names an untracked person.
    """
    return "person_%d" % track_id if track_id != UNTRACKED else "untracked_%d" % index


def label_of(poses: Poses, person: int) -> str:
    """Return the text that is shown above a person: track id and score, or "lost".

    Args:
        poses: N people.
        person: index of the person.
    """
    track_id, score = int(poses.track_id[person]), "%.0f %%" % (100 * poses.person_score[person])
    if track_id == UNTRACKED:
        return score
    return "#%d %s" % (track_id, "lost" if poses.state[person] == LOST else score)
