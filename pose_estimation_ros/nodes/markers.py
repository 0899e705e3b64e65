"""Poses -> RViz markers, in a plane before the camera."""

from typing import List, Sequence, Set, Tuple

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.inference.draw import side_colors, track_color

PLANE_Z_M = 1.0
BONES, JOINTS, LABEL = range(3)  # marker ids within the namespace of a person
BONE_PX, JOINT_PX, LABEL_PX = 3.0, 8.0, 20.0


class MarkerMaker:
    """Makes one MarkerArray per image and remembers whom it has shown, to delete those who left.

    Markers lie in the camera's optical frame (x right, y down, z forward), in the plane z = 1 m, the image's centre on
    the axis. metres_per_px: size of a pixel there. lifetime_s: after which RViz drops a marker by itself, 0 = never.
    """

    def __init__(self, skeleton, metres_per_px, lifetime_s):
        # type: (Skeleton, float, float) -> None
        self._skeleton, self._scale = skeleton, metres_per_px
        self._lifetime = Duration(sec=int(lifetime_s), nanosec=int(lifetime_s % 1 * 1e9))
        self._joint_colors = [_color(bgr) for bgr in side_colors(skeleton)]
        self._shown = set()  # type: Set[str]

    def __call__(self, poses, header, image_wh):
        # type: (Poses, Header, Tuple[int, int]) -> MarkerArray
        """The people of an image of that size, and deletions of the people shown before who are not in it."""
        names = [namespace(int(track_id), index) for index, track_id in enumerate(poses.track_id)]
        points = (poses.xy - (np.array(image_wh) - 1) / 2.0) * self._scale
        markers = [marker for name in sorted(self._shown - set(names)) for marker in self._deletions(name, header)]
        for person, name in enumerate(names):
            label = _label(int(poses.track_id[person]), float(poses.person_score[person]))
            color = _color(track_color(int(poses.track_id[person])))
            markers += self._person(points[person], poses.score[person] > 0, name, header, color, label)
        self._shown = set(names)
        return MarkerArray(markers=markers)

    def _person(self, points, found, name, header, color, label):
        # type: (np.ndarray, np.ndarray, str, Header, ColorRGBA, str) -> List[Marker]
        bones = self._marker(header, name, BONES, Marker.LINE_LIST, BONE_PX, color)
        ends = [end for link in self._skeleton.links if found[list(link)].all() for end in link]
        bones.points = [_point(points[end]) for end in ends]
        joints = self._marker(header, name, JOINTS, Marker.SPHERE_LIST, JOINT_PX, color)
        joints.points = [_point(points[joint]) for joint in np.flatnonzero(found)]
        joints.colors = [self._joint_colors[joint] for joint in np.flatnonzero(found)]
        text = self._marker(header, name, LABEL, Marker.TEXT_VIEW_FACING, LABEL_PX, color)
        text.text = label
        if found.any():
            text.pose.position = _point([points[found, 0].mean(), points[found, 1].min() - LABEL_PX * self._scale])
        return [marker if found.any() else self._deletion(marker) for marker in (bones, joints, text)]

    def _deletions(self, name, header):
        # type: (str, Header) -> List[Marker]
        return [Marker(header=header, ns=name, id=part, action=Marker.DELETE) for part in (BONES, JOINTS, LABEL)]

    def _deletion(self, marker):
        # type: (Marker) -> Marker
        return Marker(header=marker.header, ns=marker.ns, id=marker.id, action=Marker.DELETE)

    def _marker(self, header, name, part, kind, size_px, color):
        # type: (Header, str, int, int, float, ColorRGBA) -> Marker
        marker = Marker(header=header, ns=name, id=part, type=kind, action=Marker.ADD, color=color)
        marker.lifetime = self._lifetime
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = size_px * self._scale
        return marker


def namespace(track_id, index):
    # type: (int, int) -> str
    """Of a person's markers: by track id, or by place in the list where untracked."""
    return "person_%d" % track_id if track_id != UNTRACKED else "untracked_%d" % index


def _label(track_id, score):
    # type: (int, float) -> str
    return str(track_id) if track_id != UNTRACKED else "%d %%" % round(100 * score)


def _color(bgr):
    # type: (Tuple[int, int, int]) -> ColorRGBA
    """0..255 BGR -> RViz's 0..1 RGBA."""
    blue, green, red = (channel / 255.0 for channel in bgr)
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _point(xy):
    # type: (Sequence[float]) -> Point
    return Point(x=float(xy[0]), y=float(xy[1]), z=PLANE_Z_M)
