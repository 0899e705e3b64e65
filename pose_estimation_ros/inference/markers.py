"""Poses -> RViz markers, in a plane before the camera; made of rclpy's message classes or of a bag reader's."""

from typing import Any, List, Sequence, Set, Tuple

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.inference.draw import side_colors, track_color

PLANE_Z_M = 1.0
BONES, JOINTS, LABEL = range(3)  # marker ids within the namespace of a person
BONE_PX, JOINT_PX, LABEL_PX = 3.0, 8.0, 20.0


class MarkerMaker:
    """Makes one MarkerArray per image and remembers whom it has shown, to delete those who left.

    messages: has the classes Marker, MarkerArray, Point, ColorRGBA and Duration, which take their fields as keywords.
    Markers lie in the camera's optical frame (x right, y down, z forward), in the plane z = 1 m, the image's centre on
    the axis. metres_per_px: size of a pixel there. lifetime_s: after which RViz drops a marker by itself, 0 = never.
    """

    def __init__(self, messages, skeleton, metres_per_px, lifetime_s):
        # type: (Any, Skeleton, float, float) -> None
        self._messages, self._skeleton, self._scale = messages, skeleton, metres_per_px
        self._lifetime = messages.Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))
        self._joint_colors = [self._color(bgr) for bgr in side_colors(skeleton)]
        self._shown = set()  # type: Set[str]

    def __call__(self, poses, header, image_wh):
        # type: (Poses, Any, Tuple[int, int]) -> Any
        """The people of an image of that size, and deletions of the people shown before who are not in it."""
        names = [namespace(int(track_id), index) for index, track_id in enumerate(poses.track_id)]
        points = (poses.xy - (np.array(image_wh) - 1) / 2.0) * self._scale
        markers = [marker for name in sorted(self._shown - set(names)) for marker in self._deletions(name, header)]
        for person, name in enumerate(names):
            label = _label(int(poses.track_id[person]), float(poses.person_score[person]))
            color = self._color(track_color(int(poses.track_id[person])))
            markers += self._person(points[person], poses.score[person] > 0, name, header, color, label)
        self._shown = set(names)
        return self._messages.MarkerArray(markers=markers)

    def _person(self, points, found, name, header, color, label):
        # type: (np.ndarray, np.ndarray, str, Any, Any, str) -> List[Any]
        kinds = self._messages.Marker
        bones = self._marker(header, name, BONES, kinds.LINE_LIST, BONE_PX, color)
        ends = [end for link in self._skeleton.links if found[list(link)].all() for end in link]
        bones.points = [self._point(points[end]) for end in ends]
        joints = self._marker(header, name, JOINTS, kinds.SPHERE_LIST, JOINT_PX, color)
        joints.points = [self._point(points[joint]) for joint in np.flatnonzero(found)]
        joints.colors = [self._joint_colors[joint] for joint in np.flatnonzero(found)]
        text = self._marker(header, name, LABEL, kinds.TEXT_VIEW_FACING, LABEL_PX, color)
        text.text = label
        if found.any():
            text.pose.position = self._point([points[found, 0].mean(), points[found, 1].min() - LABEL_PX * self._scale])
        return [bones, joints, text] if found.any() else self._deletions(name, header)

    def _deletions(self, name, header):
        # type: (str, Any) -> List[Any]
        return [self._bare(header, name, part, self._messages.Marker.DELETE) for part in (BONES, JOINTS, LABEL)]

    def _bare(self, header, name, part, action):
        # type: (Any, str, int, int) -> Any
        return self._messages.Marker(header=header, ns=name, id=part, action=action)

    def _marker(self, header, name, part, kind, size_px, color):
        # type: (Any, str, int, int, float, Any) -> Any
        marker = self._bare(header, name, part, self._messages.Marker.ADD)
        marker.type, marker.color = kind, color
        marker.lifetime = self._lifetime
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = size_px * self._scale
        return marker

    def _color(self, bgr):
        # type: (Tuple[int, int, int]) -> Any
        """0..255 BGR -> RViz's 0..1 RGBA."""
        blue, green, red = (channel / 255.0 for channel in bgr)
        return self._messages.ColorRGBA(r=red, g=green, b=blue, a=1.0)

    def _point(self, xy):
        # type: (Sequence[float]) -> Any
        return self._messages.Point(x=float(xy[0]), y=float(xy[1]), z=PLANE_Z_M)


def namespace(track_id, index):
    # type: (int, int) -> str
    """Of a person's markers: by track id, or by place in the list where untracked."""
    return "person_%d" % track_id if track_id != UNTRACKED else "untracked_%d" % index


def _label(track_id, score):
    # type: (int, float) -> str
    return str(track_id) if track_id != UNTRACKED else "%d %%" % round(100 * score)
