"""Make images and their messages for bags."""

import numpy as np

from pose_estimation_ros.evaluation.bag.files.message_types import header, messages

TOPIC = "/camera/image_raw"


def dot_image(blob, x):
    """Return a black image of 96x128 px with a white dot at (x, 60); blob is the fixture."""
    image = np.zeros((128, 96, 3), np.uint8)
    blob(image, (x, 60), (255, 255, 255))
    return image


def image_message(image, stamp_ns):
    """Return a sensor_msgs/Image of a BGR image."""
    height, width = image.shape[:2]
    return messages().Image(
        header=header(stamp_ns, "cam"), height=height, width=width, encoding="bgr8", step=3 * width, data=image.ravel()
    )
