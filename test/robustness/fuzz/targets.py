"""Define the fuzz targets: functions of bytes that may raise a PoseError and nothing else.

The result of a decoder is passed to what uses it next: a frame is warped, a camera projects and unprojects.
"""

import itertools
import os
import struct
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, NamedTuple, Sequence

import numpy as np

from fuzz import seeds
from fuzz.mutations import repaired
from pose_estimation_ros.core import model_spec
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets import coco_index, coco_json, mpii, predictions
from pose_estimation_ros.evaluation.bag.files import reader as reading
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
from pose_estimation_ros.evaluation.bag.files.writer import BagWriter
from pose_estimation_ros.evaluation.bag.run import options
from pose_estimation_ros.imaging.compressed import decode_compressed, decode_compressed_depth
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.imaging.encodings import LAYOUTS, decode_depth, decode_image
from pose_estimation_ros.imaging.images import decode_image_file
from pose_estimation_ros.messages.poses import camera_from_info
from pose_estimation_ros.training.recipe import load_recipe

WARP = np.array([[[1.0, 0.1, 0], [0, 1, 0]]])
FILE_PIXELS = 2**24  # limit of these targets, because photographs may be larger than the limit on memory allows
MODELS = ("plumb_bob", "rational_polynomial", "equidistant", "fisheye", "", "x" * 1000)
IMAGE = struct.Struct("<BBIIIB")  # encoding, whether the data are made to fit, height, width, step, is_bigendian
INFO = struct.Struct("<BIIIIIIII")


class Target(NamedTuple):
    """Describe a target.

    run: function that takes an input. seeds: function that makes the first inputs. tokens: byte strings that have a
    meaning in the format. repair: function that makes a changed input plausible again.
    """

    run: Callable
    seeds: Callable[[], Sequence[bytes]]
    tokens: Sequence[bytes] = ()
    repair: Callable = lambda data: data  # noqa: E731


def compressed_image(data):
    form, _, file = data.partition(b"\n")
    _use(decode_compressed(form.decode("latin-1"), file))


def compressed_depth(data):
    form, _, file = data.partition(b"\n")
    depth, encoding = decode_compressed_depth(form.decode("latin-1"), file)
    assert depth.ndim == 2 and encoding in ("16UC1", "32FC1")


def raw_image(data):
    _use(decode_image(*_fields(data, sorted(LAYOUTS) + ["", "bgr32", "x" * 10**5])))


def raw_depth(data):
    depth, encoding = decode_depth(*_fields(data, ["16UC1", "32FC1", "mono16", "bgr8", ""]))
    assert depth.ndim == 2 and encoding in ("16UC1", "32FC1")


def _fields(data, encodings):
    """Unpack encoding, height, width, step, is_bigendian and data from an input."""
    encoding, fits, height, width, step, big = IMAGE.unpack_from(data.ljust(IMAGE.size, b"\0"))
    name, content = encodings[encoding % len(encodings)], data[IMAGE.size :]
    if fits & 1:
        layout = LAYOUTS.get(name)
        pixel = layout.channels * layout.sample_bytes if layout else 4
        step = width * pixel + (fits >> 1) % 8
        length = step * int(height * (layout.planes if layout else 1))
        content = ((content or b"\0") * (length // max(len(content), 1) + 1))[:length] if length < 2**23 else content
    return name, height, width, step, big, content


def _use(frame):
    assert frame.ndim == 3 and frame.shape[2] == 3 and frame.dtype == np.uint8
    warp_crops(frame, WARP, (8, 8))


def image_file(data):
    _use(decode_image_file(data, "it", FILE_PIXELS))


def camera_info(data):
    data = data.ljust(INFO.size + 72, b"\0")
    model, width, height, x, y, roi_width, roi_height, binning_x, binning_y = INFO.unpack_from(data)
    numbers = np.frombuffer(data[INFO.size : len(data) - (len(data) - INFO.size) % 8], "<f8")
    roi = SimpleNamespace(x_offset=x, y_offset=y, width=roi_width, height=roi_height)
    info = SimpleNamespace(width=width, height=height, k=numbers[:9], d=numbers[9:], roi=roi)
    info.p = np.insert(numbers[:9].reshape(3, 3), 3, 0, 1).ravel()
    info.distortion_model, info.binning_x, info.binning_y = MODELS[model % len(MODELS)], binning_x, binning_y
    camera = camera_from_info(info, rectified=model > 128)
    assert 0 <= camera.unusable_share() <= 1
    camera.project(camera.unproject(np.array([[0.0, 0], [1e9, -1e9], [np.nan, 1]])))


def spec_of_model(data):
    with _file(data, "x.json") as path:
        path.with_suffix(".onnx").write_bytes(b"")
        model_spec.load_model_spec(path.with_suffix(".onnx"))


def annotation_file(data):
    with _file(data, "a.json") as path:
        for read in (coco_json.read_coco_json, coco_index.load_ground_truth, mpii.load_ground_truth):
            _refused(read, path)


def prediction_file(data):
    with _file(data, "p.json") as path:
        _refused(predictions.read_results, path, [1, 2], get_skeleton("coco17"))
        _refused(predictions.read_mpii, path, 1)
        _refused(coco_json.read_detections, path, [1, 2])


def yaml_file(data):
    with _file(data, "x.yaml") as path:
        _refused(load_recipe, path)
        _refused(options.read_options, str(path), [])
    _refused(options.read_options, None, ["model:=" + data.decode("latin-1")])


def bag(data):
    suffix = {b"\x89MCAP0": ".mcap", b"SQLite": ".db3", b"#ROSBA": ".bag"}.get(data[:6], ".mcap")
    with _file(data, "bag" + suffix) as path, reading.Bag(path) as content:
        for topic in content.topics(reading.IMAGE, reading.COMPRESSED):
            for recorded in itertools.islice(content.read(topic), 20):
                _refused(recorded.image)


def _refused(function, *arguments):
    """Call a function that may refuse its input, so that the next one gets it, too."""
    try:
        function(*arguments)
    except PoseError:
        pass


class _file:
    """Write an input as a file in a folder that is removed at the end of the context."""

    def __init__(self, data, name):
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self._path = Path(self._folder.name, name)
        self._path.write_bytes(data)

    def __enter__(self):
        return self._path

    def __exit__(self, *_exception):
        self._folder.cleanup()


def raw_seeds():
    content = bytes(range(256))
    fitting = [IMAGE.pack(i, 1, 6, 8, 0, i % 2) + content for i in range(len(LAYOUTS))]
    wide = [IMAGE.pack(sorted(LAYOUTS).index("mono8"), 1, h, w, 0, 0) for h, w in ((1, 40000), (32767, 2), (0, 0))]
    return fitting + wide + [IMAGE.pack(3, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1, 0), b""]


def bag_seeds():
    """Return bags of one raw and one compressed image, as sqlite3 and MCAP files."""
    bags = []
    msg, picture = messages(), np.frombuffer(seeds.encoded(".png", seeds.GREY), np.uint8)
    for storage in ("sqlite3", "mcap"):
        with tempfile.TemporaryDirectory() as folder:
            writer = BagWriter(Path(folder, "bag"), storage)
            pixels = np.ascontiguousarray(seeds.PICTURE).ravel()
            raw = msg.Image(header=header(10**9, "c"), height=16, width=24, encoding="bgr8", step=72, data=pixels)
            writer.write("/a", raw, 10**9)
            writer.write("/b", msg.CompressedImage(header=header(10**9, "c"), format="png", data=picture), 10**9)
            writer.close()
            files = sorted(Path(folder, "bag").glob("*.[dm][bc]*"))
            bags += [file.read_bytes() for file in files]
    return bags + [b"#ROSBAG V2.0\n" + bytes(100), b""]


TARGETS = {
    "compressed_image": Target(
        compressed_image, seeds.compressed_images, seeds.JPEG_TOKENS + seeds.PNG_TOKENS, repaired
    ),
    "compressed_depth": Target(compressed_depth, seeds.compressed_depth, seeds.PNG_TOKENS, repaired),
    "raw_image": Target(raw_image, raw_seeds),
    "raw_depth": Target(raw_depth, raw_seeds),
    "image_file": Target(
        image_file,
        lambda: seeds.jpegs() + seeds.pngs() + seeds.other_files(),
        seeds.JPEG_TOKENS + seeds.PNG_TOKENS,
        repaired,
    ),
    "camera_info": Target(camera_info, seeds.cameras),
    "model_spec": Target(spec_of_model, seeds.model_specs),
    "annotations": Target(annotation_file, seeds.annotations),
    "predictions": Target(prediction_file, seeds.predictions),
    "yaml": Target(yaml_file, seeds.yaml_files, seeds.YAML_TOKENS),
    "bag": Target(bag, bag_seeds),
}
