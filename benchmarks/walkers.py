"""People of 17 joints (COCO's) who walk before a camera: exact positions in metres at any time, by forward kinematics.

Body proportions are parts of the height (Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control of
Human Movement, fig. 4.1), eyes, ears and nose by eye. The gait is a plain one: thighs swing as a sine of the way gone,
knees bend while the leg swings forward, arms go against the legs. Feet may slide a little; limbs keep their lengths.
"""

import numpy as np

STRIDE_M = 1.4  # two steps
FULL_SWING_MPS = 1.0  # from this speed on legs swing fully
FINE_S = 0.01
CAMERA_HEIGHT_M = 1.2
BODY = {"hip": (0.53, 0.055), "shoulder": (0.82, 0.115), "eye": (0.945, 0.018), "ear": (0.935, 0.045)}  # up, sideways
FORWARD = {"nose": 0.06, "eye": 0.05, "ear": 0.0}
THIGH, SHANK, UPPER_ARM, FOREARM = 0.245, 0.246, 0.172, 0.157
JOINTS = ("nose",) + tuple(
    side + part
    for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left_", "right_")
)


class Walker:
    """Somebody on a path over the ground.

    waypoints: (time s, x m to the right of the camera, z m before it), in order; between them the walk is straight, and
    corners are rounded over 0.5 s. Before the first and after the last they are not there. height_m: of the body.
    """

    def __init__(self, waypoints, height_m=1.7):
        self.height_m = height_m
        time_s, x, z = np.array(waypoints, float).T
        self.begin_s, self.end_s = time_s[0], time_s[-1]
        self._time_s = np.arange(self.begin_s - 1, self.end_s + 1, FINE_S)
        inside = np.clip(self._time_s, self.begin_s, self.end_s)
        self._place = _smooth(np.stack([np.interp(inside, time_s, x), np.interp(inside, time_s, z)], 1))
        velocity = np.gradient(self._place, FINE_S, axis=0)
        speed = np.linalg.norm(velocity, axis=1)
        self._way = np.cumsum(speed) * FINE_S
        self._swing = np.minimum(speed / FULL_SWING_MPS, 1)
        # Who stands looks into the camera; who walks looks ahead.
        looks = _smooth(np.where(speed[:, None] > 0.2, velocity, [[0.0, -1.0]]))
        self._looks = looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)

    def is_there(self, time_s):
        return self.begin_s <= time_s <= self.end_s

    def joints(self, time_s):
        """(17, 3) m in the camera's optical frame (x right, y down, z forward), the camera level at 1.2 m."""
        at = [np.interp(time_s, self._time_s, v) for v in (*self._place.T, self._way, self._swing, *self._looks.T)]
        x, z, way, swing, look_x, look_z = at
        forward, up, left = (self.height_m * _body(2 * np.pi * way / STRIDE_M, swing)).T
        return np.stack(
            [x + forward * look_x - left * look_z, CAMERA_HEIGHT_M - up, z + forward * look_z + left * look_x], 1
        )


def _smooth(values, window_s=0.5):
    """Moving mean along the first axis; ends are held."""
    count = int(window_s / FINE_S) | 1
    padded = np.pad(values, [(count // 2, count // 2), (0, 0)], "edge")
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), padded]), 0)
    return (total[count:] - total[:-count]) / count


def _body(phase, swing):
    """Joints (17, 3) of a body of height 1 as forward, up, left of the point on the ground beneath it."""
    place = {"nose": (FORWARD["nose"], 0.93, 0.0)}
    for side, sign, at in (("left_", 1, phase), ("right_", -1, phase + np.pi)):
        for part, (up, out) in BODY.items():
            place[side + part] = (FORWARD.get(part, 0.0), up, sign * out)
        thigh = 0.42 * swing * np.sin(at)
        bend = swing * (0.1 + 0.9 * max(0.0, np.cos(at)))  # the leg swings forward while its angle grows
        arm = -0.4 * swing * np.sin(at)
        place[side + "knee"] = _hang(place[side + "hip"], THIGH, thigh)
        place[side + "ankle"] = _hang(place[side + "knee"], SHANK, thigh - bend)
        place[side + "elbow"] = _hang(place[side + "shoulder"], UPPER_ARM, arm)
        place[side + "wrist"] = _hang(place[side + "elbow"], FOREARM, arm + 0.2 + 0.2 * swing)
    return np.array([place[joint] for joint in JOINTS])


def _hang(top, length, angle):
    """The lower end of a bone that hangs from ``top``, turned forward by the angle."""
    return (top[0] + length * np.sin(angle), top[1] - length * np.cos(angle), top[2])
