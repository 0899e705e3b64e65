"""Stand in for vision_msgs 2 (Foxy), 3 (Galactic) and 4 (Humble and newer), with the fields that are written."""

from types import SimpleNamespace

from plain_messages import message_class

DISTRIBUTIONS = ("foxy", "galactic", "humble")
Point = message_class("Point", x=0.0, y=0.0, z=0.0)
Quaternion = message_class("Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
Pose = message_class("Pose", position=Point, orientation=Quaternion)
PoseWithCovariance = message_class("PoseWithCovariance", pose=Pose, covariance=lambda: [0.0] * 36)
Pose2D = {
    "foxy": message_class("Pose2D", x=0.0, y=0.0, theta=0.0),
    "humble": message_class("Pose2D", position=message_class("Point2D", x=0.0, y=0.0), theta=0.0),
}
Pose2D["galactic"] = Pose2D["foxy"]


def vision_messages(distribution):
    """Return an object with the classes of vision_msgs as that distribution has them."""
    box_2d = message_class("BoundingBox2D", center=Pose2D[distribution], size_x=0.0, size_y=0.0)
    box_3d = message_class("BoundingBox3D", center=Pose, size=Point)
    fields_2d = dict(header=None, results=list, bbox=box_2d)
    fields_3d = dict(header=None, results=list, bbox=box_3d)
    if distribution == "foxy":
        result = message_class("ObjectHypothesisWithPose", id="", score=0.0, pose=PoseWithCovariance)
        own = dict(is_tracking=False, tracking_id="")
    else:
        hypothesis = message_class("ObjectHypothesis", class_id="", score=0.0)
        result = message_class("ObjectHypothesisWithPose", hypothesis=hypothesis, pose=PoseWithCovariance)
        own = dict(id="")
    return SimpleNamespace(
        ObjectHypothesisWithPose=result,
        Detection2D=message_class("Detection2D", **fields_2d, **own),
        Detection2DArray=message_class("Detection2DArray", header=None, detections=list),
        Detection3D=message_class("Detection3D", **fields_3d, **own),
        Detection3DArray=message_class("Detection3DArray", header=None, detections=list),
    )
