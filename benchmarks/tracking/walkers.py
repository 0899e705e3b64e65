"""Simulate people who walk in front of a camera, with exact positions of COCO's 17 joints at any time.

The lengths of the limbs are fractions of the height (Drillis and Contini 1966, as in Winter, Biomechanics and Motor
Control of Human Movement, fig. 4.1); the places of eyes, ears and nose are estimates. The gait is simple: the angle of
the thighs is a sine of the distance walked, the knee bends while its leg swings forward, and the arms swing opposite to
the legs. Limbs keep their lengths; feet may slide a little.
"""

import numpy as np

STRIDE_M = 1.4  # two steps
FULL_SWING_MPS = 1.0  # the legs swing fully from this speed on
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
    """Represent a person on a path over the ground.

    Args:
        waypoints: (time s, x m to the right of the camera, z m in front of it), in order. The path between them is
            straight, and corners are rounded over 0.5 s. The person is absent before the first and after the last.
        height_m: Height of the body.
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
        self._distance = np.cumsum(speed) * FINE_S
        self._swing = np.minimum(speed / FULL_SWING_MPS, 1)
        # A standing person looks into the camera, a walking one ahead.
        looks = _smooth(np.where(speed[:, None] > 0.2, velocity, [[0.0, -1.0]]))
        self._looks = looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)

    def is_there(self, time_s):
        """Tell whether the person is in the scene at a time."""
        return self.begin_s <= time_s <= self.end_s

    def joints(self, time_s):
        """Return the joints (17, 3) at a time, m in the camera's optical frame (x right, y down, z forward).

        The camera is level, 1.2 m above the ground.
        """
        at = [np.interp(time_s, self._time_s, v) for v in (*self._place.T, self._distance, self._swing, *self._looks.T)]
        x, z, distance, swing, look_x, look_z = at
        forward, up, left = (self.height_m * body(2 * np.pi * distance / STRIDE_M, swing)).T
        return np.stack(
            [x + forward * look_x - left * look_z, CAMERA_HEIGHT_M - up, z + forward * look_z + left * look_x], 1
        )


class Waver(Walker):
    """Represent a person who stands and waves the right hand from side to side above the head.

    Args:
        waypoints: As for Walker.
        peak_mps: Greatest speed of the hand.
        waves_hz: Waves per second.
    """

    def __init__(self, waypoints, peak_mps=3.0, waves_hz=1.6):
        super().__init__(waypoints)
        self._phase_per_s = 2 * np.pi * waves_hz
        self._reach_m = peak_mps / self._phase_per_s

    def joints(self, time_s):
        """Return the joints (17, 3) at a time; the elbow moves a third as far as the wrist."""
        joints = super().joints(time_s)
        aside = self._reach_m * np.sin(self._phase_per_s * time_s)
        joints[JOINTS.index("right_wrist")] += [aside, -0.7, 0]
        joints[JOINTS.index("right_elbow")] += [aside / 3, -0.25, 0]
        return joints


def _smooth(values, window_s=0.5):
    """Return the moving mean along the first axis; values before the first and after the last repeat those."""
    count = int(window_s / FINE_S) | 1
    padded = np.pad(values, [(count // 2, count // 2), (0, 0)], "edge")
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), padded]), 0)
    return (total[count:] - total[:-count]) / count


def body(phase, swing):
    """Return the joints (17, 3) of a body of height 1: forward, up and left of the point on the ground below it."""
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
    """Return the lower end of a bone that hangs from a joint, turned forward by an angle."""
    return (top[0] + length * np.sin(angle), top[1] - length * np.cos(angle), top[2])
