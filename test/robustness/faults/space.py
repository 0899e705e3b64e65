"""Cause faults of what people in space need beside depth. Each function gets a Rig whose node is at work."""

from faults.camera import camera_info, depth, image, picture, transform
from faults.depth import goes_on_without_space, restart

LATE_S = 1.0


def calibration_is_late(rig):
    """Restart the node, and send images without calibration until it reports that."""
    restart(rig, lambda stamp_s: rig.camera.publish(image=image(picture(), stamp_s)), "WARN no CameraInfo")


def transform_stops(rig):
    """Send depth and images without transforms; keypoints must go on."""
    goes_on_without_space(rig, lambda: _send(rig))


def transform_is_late(rig):
    """Send each transform long after its image; keypoints must go on."""

    def send():
        _send(rig)
        rig.camera.publish(transform=transform(rig.now_s - LATE_S))

    goes_on_without_space(rig, send)


def _send(rig):
    stamp_s = rig.now_s
    rig.camera.publish(camera_info=camera_info(stamp_s), depth=depth(stamp_s), image=image(picture(), stamp_s))
