"""Poses -> RViz markers, where joints are in space or in a plane before the camera; of rclpy's classes or a bag's."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.colors import side_colors, track_color
from pose_estimation_ros.core.depth import Joints
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import LOST, UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton

BONES, JOINTS, LABEL = range(3)  # marker ids within the namespace of a person
SIZE_PX = (3.0, 8.0, 20.0)  # of these, in the plane
SIZE_M = (0.025, 0.06, 0.12)  # and in space


class _Shape(NamedTuple):
    """One person: points (K, 3) m, shown (K,) bool, top (3,) m, on which the label stands; size_m of BONES, JOINTS and
    LABEL; distance_m along the camera's axis."""

    points: np.ndarray
    shown: np.ndarray
    top: np.ndarray
    size_m: Sequence[float]
    distance_m: float


class MarkerMaker:
    """Makes one MarkerArray per image and remembers whom it has shown, to delete those who left.

    messages: has the classes Marker, MarkerArray, Point, ColorRGBA and Duration, which take their fields as keywords.
    Markers lie in the camera's optical frame (x right, y down, z forward). lifetime_s: after which RViz drops a marker
    by itself, 0 = never. distance_m: of the plane of those whose joints are not in space; metres_per_px: size of a
    pixel there where no camera is known, the image's centre being on the axis.
    """

    def __init__(
        self, messages: Any, skeleton: Skeleton, metres_per_px: float, lifetime_s: float, distance_m: float = 1.0
    ) -> None:
        self._messages, self._skeleton = messages, skeleton
        self._metres_per_px, self._distance_m = metres_per_px, distance_m
        self._lifetime = messages.Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))
        self._joint_colors = [self._color(bgr) for bgr in side_colors(skeleton)]
        self._shown: Dict[str, float] = {}  # namespace of everybody shown: distance, m

    def __call__(
        self,
        poses: Poses,
        header: Any,
        image_wh: Tuple[int, int],
        camera: Optional[Camera] = None,
        joints: Optional[Joints] = None,
    ) -> Any:
        """The people of an image of that size, and deletions of the people shown before who are not in it.

        camera: puts the plane's keypoints on their rays. joints: of the same people. Who has none in space is shown in
        a plane as far away as they last were. Of the LOST only the label stays, above the box where they should be.
        """
        names = [namespace(int(track_id), index) for index, track_id in enumerate(poses.track_id)]
        gone = sorted(set(self._shown) - set(names))
        markers = [self._bare(header, name, part) for name in gone for part in (BONES, JOINTS, LABEL)]
        if joints is not None:
            joints = joints._replace(valid=joints.valid & in_reach(joints.position))
        before, self._shown = (self._shown if joints is not None else {}), {}
        for person, name in enumerate(names):
            distance_m = before.get(name, self._distance_m)
            if joints is not None and joints.valid[person].any():
                shape = _in_space(joints.position[person], joints.valid[person])
            else:
                shape = self._in_plane(poses.select(np.array([person])), image_wh, camera, distance_m)
            # A place in the list, which is all that the untracked have, may be another person's next time.
            self._shown[name] = shape.distance_m if poses.track_id[person] != UNTRACKED else self._distance_m
            markers += self._person(shape, poses, person, name, header)
        return self._messages.MarkerArray(markers=markers)

    def _in_plane(self, one: Poses, image_wh: Tuple[int, int], camera: Optional[Camera], distance_m: float) -> _Shape:
        """Of a single person; the label is above the keypoints found, or above the box."""
        found, box = (one.score[0] > 0) & in_reach(one.xy[0]), one.box_xyxy[0]
        ends = one.xy[0][found] if found.any() else box.reshape(2, 2)
        pixels = np.vstack([one.xy[0], [ends[:, 0].mean(), ends[:, 1].min()]])
        if camera is not None:
            metres_per_px = distance_m / float(camera.matrix[0, 0])
            points = camera.unproject(pixels, distance_m)
        else:
            metres_per_px = self._metres_per_px
            flat = (pixels - (np.array(image_wh) - 1) / 2.0) * metres_per_px
            points = np.insert(flat, 2, distance_m, axis=1)
        shown = found & in_reach(points[:-1])
        return _Shape(points[:-1], shown, points[-1], [px * metres_per_px for px in SIZE_PX], distance_m)

    def _person(self, shape: _Shape, poses: Poses, person: int, name: str, header: Any) -> List[Any]:
        kinds, color = self._messages.Marker, self._color(track_color(int(poses.track_id[person])))
        shown = np.flatnonzero(shape.shown).tolist()
        spots = [self._point(point) for point in shape.points]
        links = [link for link in self._skeleton.links if link[0] in shown and link[1] in shown]
        bones = self._marker(header, name, BONES, kinds.LINE_LIST, shape, color)
        bones.points = [spots[end] for link in links for end in link]
        joints = self._marker(header, name, JOINTS, kinds.SPHERE_LIST, shape, color)
        joints.points = [spots[joint] for joint in shown]
        joints.colors = [self._joint_colors[joint] for joint in shown]
        label = self._marker(header, name, LABEL, kinds.TEXT_VIEW_FACING, shape, color)
        if in_reach(shape.top) and (shown or poses.state[person] == LOST):
            label.text = label_of(poses, person)
            label.pose.position = self._point(shape.top - [0, shape.size_m[LABEL], 0])
        # What has no content is deleted: no viewer need know that an empty marker replaces the one before.
        return [own if own.points or own.text else self._bare(header, name, own.id) for own in (bones, joints, label)]

    def _bare(self, header: Any, name: str, part: int) -> Any:
        """Deletes that part of a person."""
        return self._messages.Marker(header=header, ns=name, id=part, action=self._messages.Marker.DELETE)

    def _marker(self, header: Any, name: str, part: int, kind: int, shape: _Shape, color: Any) -> Any:
        marker = self._bare(header, name, part)
        marker.action, marker.type, marker.color = self._messages.Marker.ADD, kind, color
        marker.lifetime = self._lifetime
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = float(shape.size_m[part])
        return marker

    def _color(self, bgr: Tuple[int, int, int]) -> Any:
        """0..255 BGR -> RViz's 0..1 RGBA."""
        blue, green, red = (channel / 255.0 for channel in bgr)
        return self._messages.ColorRGBA(r=red, g=green, b=blue, a=1.0)

    def _point(self, xyz: np.ndarray) -> Any:
        x, y, z = xyz.tolist()
        return self._messages.Point(x=x, y=y, z=z)


def _in_space(position: np.ndarray, valid: np.ndarray) -> _Shape:
    """Of one person with joints in space."""
    own = position[valid].astype(np.float64)
    distance_m = float(np.median(own[:, 2]))
    top = np.array([own[:, 0].mean(), own[:, 1].min(), distance_m])
    return _Shape(position, valid, top, SIZE_M, distance_m)


def namespace(track_id: int, index: int) -> str:
    """Of a person's markers: by track id, or by place in the list where untracked."""
    return "person_%d" % track_id if track_id != UNTRACKED else "untracked_%d" % index


def label_of(poses: Poses, person: int) -> str:
    track_id, score = int(poses.track_id[person]), "%.0f %%" % (100 * poses.person_score[person])
    if track_id == UNTRACKED:
        return score
    return "#%d %s" % (track_id, "lost" if poses.state[person] == LOST else score)
