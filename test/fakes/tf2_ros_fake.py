"""Stand in for tf2_ros and tf2_msgs where they are not installed: the part of their API that the node uses.

Behaviour and texts follow tf2's buffer_core.cpp and tf2_ros_py's buffer.py (ros2/geometry2). test_transforms.py runs
the same table against the real packages where they are installed.
"""

import bisect
import sys
import threading
from types import SimpleNamespace

import numpy as np
from geometry_msgs.msg import TransformStamped
from plain_messages import message_class
from rclpy.clock import ClockType
from rclpy.time import Time


class TransformException(Exception):
    """Serve as base of all exceptions of tf2."""


class LookupException(TransformException):
    """A frame does not exist."""


class ConnectivityException(TransformException):
    """Two frames are in different trees."""


class ExtrapolationException(TransformException):
    """A time is before or after all that is known."""


class InvalidArgumentException(TransformException):
    """A name is no name of a frame."""


class Buffer:
    """Keep transforms by child frame, and look up those between two frames at a time."""

    KEPT_NS = 10 * 10**9

    def __init__(self, cache_time=None, node=None):
        self._lock, self._moving, self._fixed, self._parents = threading.Lock(), {}, {}, {}

    def set_transform(self, transform, authority):
        with self._lock:
            at = _nanoseconds(transform.header.stamp)
            self._parents[transform.child_frame_id] = transform.header.frame_id
            samples = self._moving.setdefault(transform.child_frame_id, [])
            if samples and at < samples[-1][0] - self.KEPT_NS:
                return  # "TF_OLD_DATA"
            bisect.insort(samples, (at, *_numbers(transform)), key=lambda sample: sample[0])
            while samples[0][0] < samples[-1][0] - self.KEPT_NS:
                samples.pop(0)

    def set_transform_static(self, transform, authority):
        with self._lock:
            self._parents[transform.child_frame_id] = transform.header.frame_id
            self._fixed[transform.child_frame_id] = _numbers(transform)

    def clear(self):
        with self._lock:
            for samples in self._moving.values():
                samples.clear()

    def lookup_transform(self, target_frame, source_frame, time, timeout=None):
        with self._lock:
            for frame, what in ((target_frame, "target_frame"), (source_frame, "source_frame")):
                self._check(frame, "lookupTransform argument " + what)
            up, down = self._paths(target_frame, source_frame)
            between = "when looking up transform from frame [%s] to frame [%s]" % (source_frame, target_frame)
            at = time.nanoseconds or self._latest(up + down)
            to_root = [_product([self._sample(frame, at, between) for frame in path]) for path in (up, down)]
            return _message(target_frame, source_frame, at, np.linalg.inv(to_root[0]) @ to_root[1])

    def get_latest_common_time(self, target_frame, source_frame):
        with self._lock:
            for frame in (target_frame, source_frame):
                self._check(frame, "get_latest_common_time")
            try:
                up, down = self._paths(target_frame, source_frame)
            except ConnectivityException as error:
                raise TransformException(str(error)) from None
            return Time(nanoseconds=self._latest(up + down), clock_type=ClockType.SYSTEM_TIME)

    def _check(self, frame, where):
        if not frame or frame.startswith("/"):
            why = "cannot start with a '/'" if frame else "cannot be empty"
            raise InvalidArgumentException(
                'Invalid argument "%s" passed to %s - in tf2 frame_ids %s' % (frame, where, why)
            )
        if frame not in self._parents and frame not in self._parents.values():
            raise LookupException('"%s" passed to %s does not exist. ' % (frame, where))

    def _paths(self, target, source):
        """Return the frames from each of two frames up to the one above both, without that one."""
        paths = []
        for frame in (target, source):
            path = [frame]
            while path[-1] in self._parents:
                path.append(self._parents[path[-1]])
            paths.append(path)
        if paths[0][-1] != paths[1][-1]:
            text = "Could not find a connection between '%s' and '%s' because they are not part of the same tree."
            raise ConnectivityException(text % (target, source) + "Tf has two or more unconnected trees.")
        while paths[0] and paths[1] and paths[0][-1] == paths[1][-1]:
            paths[0].pop()
            paths[1].pop()
        return paths

    def _latest(self, frames):
        newest = [self._moving[frame][-1][0] for frame in frames if self._moving.get(frame)]
        return min(newest) if newest else 0

    def _sample(self, frame, at, between):
        """Return the 4x4 matrix from a frame to its parent at a time in ns."""
        if frame in self._fixed:
            return _matrix(*self._fixed[frame])
        samples = self._moving[frame]
        index = bisect.bisect_left([sample[0] for sample in samples], at)
        if index < len(samples) and samples[index][0] == at:
            return _matrix(*samples[index][1:])
        if len(samples) < 2:
            only = samples[0][0] / 1e9 if samples else 0.0
            text = "Lookup would require extrapolation at time %f, but only time %f is in the buffer, %s"
            raise ExtrapolationException(text % (at / 1e9, only, between))
        if index in (0, len(samples)):
            where, which = (("past", "earliest"), ("future", "latest"))[index > 0]
            text = (
                "Lookup would require extrapolation into the %s.  Requested time %f but the %s data is at time %f, %s"
            )
            raise ExtrapolationException(
                text % (where, at / 1e9, which, samples[index - 1 if index else 0][0] / 1e9, between)
            )
        (a_ns, a_shift, a_turn), (b_ns, b_shift, b_turn) = samples[index - 1 : index + 1]
        part = (at - a_ns) / (b_ns - a_ns)
        return _matrix((1 - part) * a_shift + part * b_shift, _slerp(a_turn, b_turn, part))


class TransformListener:
    """Hand messages on to a buffer. Here a test calls callback() and static_callback(), as a subscription would do."""

    made = []

    def __init__(self, buffer, node, *, spin_thread=False, qos=None, static_qos=None):
        self.buffer, self.node = buffer, node
        self.registered = True
        TransformListener.made.append(self)

    def unregister(self):
        self.registered = False

    def callback(self, data):
        for transform in data.transforms:
            self.buffer.set_transform(transform, "default_authority")

    def static_callback(self, data):
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, "default_authority")


TFMessage = message_class("TFMessage", transforms=list)


def install(monkeypatch):
    """Make the stand-ins importable as tf2_ros and tf2_msgs; return the list of the listeners that will be made."""
    names = (
        Buffer, TransformListener, TransformException, LookupException, ConnectivityException, ExtrapolationException,
        InvalidArgumentException,
    )  # fmt: skip
    messages = SimpleNamespace(TFMessage=TFMessage)
    monkeypatch.setitem(sys.modules, "tf2_ros", SimpleNamespace(**{name.__name__: name for name in names}))
    monkeypatch.setitem(sys.modules, "tf2_msgs", SimpleNamespace(msg=messages))
    monkeypatch.setitem(sys.modules, "tf2_msgs.msg", messages)
    monkeypatch.setattr(TransformListener, "made", [])
    return TransformListener.made


def _nanoseconds(stamp):
    return stamp.sec * 10**9 + stamp.nanosec


def _numbers(stamped):
    shift, turn = stamped.transform.translation, stamped.transform.rotation
    return np.array([shift.x, shift.y, shift.z]), np.array([turn.x, turn.y, turn.z, turn.w])


def _matrix(shift, turn):
    """Return the 4x4 matrix of a translation and a quaternion, column by column: q v q* of the three axes."""
    matrix = np.eye(4)
    axis, w = turn[:3], turn[3]
    for column, vector in enumerate(np.eye(3)):
        matrix[:3, column] = vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)
    matrix[:3, 3] = shift
    return matrix


def _product(matrices):
    """Return the matrix from the first frame of a path to the frame above its last one."""
    result = np.eye(4)
    for matrix in matrices:
        result = matrix @ result
    return result


def _slerp(a, b, part):
    cosine = float(a @ b)
    b, cosine = (b, cosine) if cosine >= 0 else (-b, -cosine)
    angle = np.arccos(min(cosine, 1.0))
    mixed = a if angle < 1e-9 else (np.sin((1 - part) * angle) * a + np.sin(part * angle) * b) / np.sin(angle)
    return mixed / np.linalg.norm(mixed)


def _message(target, source, at, matrix):
    message = TransformStamped(child_frame_id=source)
    message.header.frame_id, message.header.stamp = target, Time(nanoseconds=at).to_msg()
    shift, turn = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = matrix[:3, 3].tolist()
    # The eigenvector of the largest eigenvalue (I. Bar-Itzhack, doi:10.2514/2.4654).
    (a, b, c), (d, e, f), (g, h, i) = matrix[:3, :3]
    k = np.array(
        [[a - e - i, b + d, c + g, h - f], [0, e - a - i, f + h, c - g], [0, 0, i - a - e, d - b], [0, 0, 0, a + e + i]]
    )
    vectors = np.linalg.eigh(np.triu(k) + np.triu(k, 1).T)[1]
    turn.x, turn.y, turn.z, turn.w = vectors[:, -1].tolist()
    return message
