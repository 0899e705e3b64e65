"""Send input that nobody sends by chance. Each function gets a Rig whose node is at work."""

import array
import struct
import zlib

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from tiny_models import write_onnx, write_spec

from faults.camera import HEIGHT, WIDTH, camera_info, depth, header, image, picture

LONGEST_LOG = 50000  # bytes that a fault may add to the log
UNKNOWN_TYPE = 77  # of a parameter


def write_overflowing_model(folder):
    """Write a colour model whose heatmaps are infinite for light images and NaN for white ones; return its path."""
    weight = np.zeros((17, 3, 1, 1))
    weight[np.arange(17), np.arange(17) % 3] = 1 / 255.0
    nodes = [
        ("Conv", ["images", "weight"], ["heat"], {"strides": [4, 4]}),
        ("ReduceMean", ["images"], ["mean"], {"axes": [1, 2, 3], "keepdims": 1}),
        ("Sub", ["white", "mean"], ["to_white"], {}),
        ("Relu", ["to_white"], ["dark"], {}),
        ("Div", ["dark", "dark"], ["one_or_nan"], {}),
        ("Sub", ["mean", "light"], ["above_light"], {}),
        ("Relu", ["above_light"], ["lightness"], {}),
        ("Mul", ["lightness", "huge"], ["zero_or_infinite"], {}),
        ("Mul", ["heat", "one_or_nan"], ["with_nan"], {}),
        ("Add", ["with_nan", "zero_or_infinite"], ["heatmaps"], {}),
    ]
    constants = {"weight": weight, "white": np.array([200.0]), "light": np.array([100.0]), "huge": np.array([3e38])}
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", 17, 16, 12]}
    path = write_onnx(folder, "overflowing_model", nodes, shapes[0], shapes[1], constants)
    write_spec(path)
    return path


def network_overflows(rig):
    """Let the network give infinite and NaN heatmaps while somebody subscribes to the overlay."""
    watcher = rig.node.create_subscription(Image, "pose/image", lambda _msg: None, QoSProfile(depth=1))
    assert rig.spin(send=rig.good, until=watcher.get_publisher_count), "no pose/image"
    for brightness in (150, 255):
        frame = np.full((HEIGHT, WIDTH, 3), brightness, np.uint8)
        rig.spin(1.0, lambda: rig.camera.good(rig.now_s, frame))  # noqa: B023
    rig.node.destroy_subscription(watcher)


def calibration_is_singular(rig):
    """Send a camera matrix with good focal lengths but no inverse, and others with absurd numbers."""
    for numbers in ({1: 300.0, 3: 300.0}, {0: 1e-300, 4: 1e-300}, {0: 1e300, 2: 1e300}, {2: -1e300}):
        info = camera_info(rig.now_s, 300.0)
        for index, number in numbers.items():
            info.k[index] = number
        rig.spin(0.5, lambda: _send_with_info(rig, info))  # noqa: B023


def _send_with_info(rig, info):
    stamp_s = rig.now_s
    rig.camera.publish(camera_info=info, depth=depth(stamp_s), image=image(picture(), stamp_s))


def parameter_of_unknown_type(rig):
    """Set a parameter of an unknown type, as any participant may; rclpy raises ValueError."""
    client, name = rig.node.create_client(SetParameters, "/pose_node/set_parameters"), "smoothing_strength"
    assert rig.spin(until=client.service_is_ready), "no set_parameters"
    for kind in (UNKNOWN_TYPE, 255):
        value = ParameterValue(type=kind)
        client.call_async(SetParameters.Request(parameters=[Parameter(name=name, value=value)]))
    good = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.2)
    answer = client.call_async(SetParameters.Request(parameters=[Parameter(name=name, value=good)]))
    assert rig.spin(until=answer.done), "no answer to a good request"
    rig.node.destroy_client(client)


def clock_is_negative(rig):
    """Publish a time before zero again and again; rclpy raises ValueError."""
    rig.sim_runs = False
    rig.spin(2.0, lambda: rig.clock.publish(Clock(clock=Time(sec=-5))), 200.0)
    rig.sim_runs = True


def giant_files(rig):
    """Send small files that would fill the memory: hidden sizes, and chunks that claim to be endless."""
    files = [confusing_jpeg(16000), confusing_jpeg(60000), endless_png(), claiming_png(65535), claiming_png(2**31 - 1)]
    waiting = 4 * [array.array("B", data) for data in files]
    stamp = header(rig.now_s)

    def send():
        rig.camera.publish(image=CompressedImage(header=stamp, format="jpeg", data=waiting.pop()))

    rig.spin(send=send, until=lambda: not waiting)


def confusing_jpeg(side):
    """Make a JPEG of side x side px that a naive reader takes for one of 1 x 1 px.

    The marker FF 01 has no length. A reader that expects one jumps to a frame header of 1 x 1 px in a comment.
    """
    data = cv2.imencode(".jpg", np.zeros((16, 16), np.uint8))[1].tobytes()
    frame = data.index(b"\xff\xc0") + 5
    data = data[:frame] + struct.pack(">HH", side, side) + data[frame + 4 :]
    app0 = 2 + 2 + struct.unpack(">H", data[4:6])[0]  # end of the first segment, which begins with FF E0
    tiny = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    begin = 4 + 0xFFE0 - (app0 + 2) - 4  # place in the comment to which such a reader jumps
    comment = (b"\x20" * begin + tiny).ljust(65533, b"\x20")
    return data[:2] + b"\xff\x01" + data[2:app0] + b"\xff\xfe\xff\xff" + comment + data[app0:]


def claiming_png(side):
    """Make a PNG that claims to be side x side px and has no data."""
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + _chunk(b"IEND")


def endless_png():
    """Make a PNG of 1 x 1 px in 69 bytes, one chunk of which claims to have 4 GB."""
    whole = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return whole + struct.pack(">I", 0xFF00000C) + b"IDAT" + zlib.compress(b"\0\0\0\0") + b"\0" * 4 + _chunk(b"IEND")


def _chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def wide_images(rig):
    """Send images with more than 32767 px a side, which OpenCV 4 cannot warp."""
    for width, height in ((40000, 1), (1, 40000), (70000, 2)):
        values = np.full((height, width), 128, np.uint8)
        rig.spin(0.5, lambda: rig.camera.publish(image=image(values, rig.now_s, "mono8")))  # noqa: B023


def endless_encoding(rig):
    """Send an encoding of 4 MB, which would fill the log within minutes."""
    before = len(rig.log())
    message = image(picture(), rig.now_s, "x" * 4 * 10**6)
    rig.spin(2.0, lambda: rig.camera.publish(image=message), 5.0)
    assert rig.spin(send=rig.good, until=lambda: rig.first_match("WARN not every image can be used.*encoding"))
    assert len(rig.log()) - before < LONGEST_LOG, "%d bytes of log" % (len(rig.log()) - before)
