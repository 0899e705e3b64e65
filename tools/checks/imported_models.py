"""Make small networks with the inputs and outputs of other programs' models, and import them, for check_trt.py.

There is one for each kind of network that `pose import` reads and that TensorRT can run: its outputs have fixed sizes.
"""

import json

import numpy as np
from foreign_networks import write_foreign
from onnx import helper

from pose_estimation_ros.importing.import_model import ModelImport, import_model

SIDE = 64  # px of the input
CONVOLUTIONS = 8  # more than the products behind them, so that they decide on the precision of an engine
CHANNELS = 3
KEYPOINTS = 5
SKELETON = {"name": "five", "keypoints": ["a", "b", "c", "d", "e"], "links": []}
YOLO = {"task": "pose", "stride": "32", "names": "{0: 'dog', 1: 'person'}", "kpt_shape": "[5, 3]"}
YOLO_DETECT = {"task": "detect", "stride": "32", "names": "{0: 'dog', 1: 'person'}"}
PICTURE = ("input", (1, CHANNELS, SIDE, SIDE))
PICTURES = ("input", ("n", CHANNELS, SIDE, SIDE))
CHANNELS_LAST = ("input", (1, SIDE, SIDE, CHANNELS))
CELLS = 84  # of the strides 8, 16 and 32

# name: input, outputs, keywords of the network, options of the import
IMPORTED = {
    "import-heatmaps": (PICTURES, {"output": ((1, 5, 16, 16), ("n", 5, 16, 16))}, {}, {"like": "hrnet"}),
    "import-simcc": (
        PICTURES, {"simcc_x": ((1, 5, 128), ("n", 5, 128)), "simcc_y": ((1, 5, 128), ("n", 5, 128))}, {}, {}),
    "import-decoded": (PICTURE, {"xy": (1, 5, 2), "score": (1, 5)}, {}, {"like": "rtmpose"}),
    "import-movenet": (CHANNELS_LAST, {"output_0": (1, 1, 5, 3)}, {"dtype": np.int32}, {}),
    "import-movenet-multi": (CHANNELS_LAST, {"output_0": (1, 6, 20)}, {"dtype": np.int32}, {}),
    "import-rtmo": (PICTURE, {"dets": (1, 7, 5), "keypoints": (1, 7, 5, 3)}, {}, {"like": "rtmo"}),
    "import-yolo-pose": (PICTURE, {"output0": (1, 21, 2100)}, {"metadata": YOLO}, {}),
    "import-yolo-pose-opset18": (
        PICTURE, {"output0": (1, 21, 2100)}, {"metadata": YOLO, "opset": 18, "ir_version": 8}, {}),
    "import-yolo-pose-rows": (PICTURE, {"output0": (1, 300, 21)}, {"metadata": dict(YOLO, end2end="True")}, {}),
    "import-yolo-nas-pose": (
        PICTURE, {
            "num_predictions": (1, 1), "post_nms_boxes": (1, 300, 4), "post_nms_scores": (1, 300),
            "post_nms_joints": (1, 300, 5, 3),
        }, {"dtype": np.uint8}, {}),
    "import-litepose": (PICTURE, {"a": (1, 10, 16, 16), "b": (1, 5, 32, 32)}, {}, {"like": "litepose"}),
    "import-yolox": (PICTURE, {"output": (1, CELLS, 85)}, {}, {"detector": True}),
    "import-nanodet": (PICTURE, {"output": (1, CELLS + 1, 112)}, {}, {"detector": True}),
    "import-yolo": (PICTURE, {"output0": (1, 6, 2100)}, {"metadata": YOLO_DETECT}, {"detector": True}),
    "import-yolo-rows": (
        PICTURE, {"output0": (1, 300, 6)}, {"metadata": dict(YOLO_DETECT, end2end="True")}, {"detector": True}),
    "import-rtmdet": (
        PICTURE, {"dets": (1, 100, 5), "labels": (1, 100)}, {}, {"detector": True, "like": "rtmdet"}),
    "import-rt-detr": (PICTURE, {"output0": (1, 300, 84)}, {}, {"detector": True, "like": "rt-detr"}),
    "import-picodet": (
        PICTURE, {"boxes": (1, 400, 4), "scores": (1, 1, 400)}, {}, {"detector": True, "like": "picodet"}),
}  # fmt: skip


def import_small(folder, name):
    """Write a network of IMPORTED and import it.

    Args:
        folder: Folder for the files, a Path.
        name: Its name in IMPORTED.

    Returns:
        Path of the imported ONNX file, and (width, height) of its input, px.
    """
    picture, outputs, network, options = IMPORTED[name]
    source, skeleton = folder / "foreign.onnx", folder / "five.json"
    write_with_convolutions(source, picture, outputs, **network)
    skeleton.write_text(json.dumps(SKELETON))
    if not options.get("detector"):
        options = dict(options, skeleton=str(skeleton))
    order = ModelImport(str(source), str(folder), name, check=False, force=True, **options)
    return import_model(order, lambda line: None), (SIDE, SIDE)


def write_with_convolutions(path, picture, outputs, **network):
    """Write a network of write_foreign, whose arguments these are, with convolutions at its beginning."""
    write_foreign(path, picture, outputs, change=with_convolutions, **network)


def with_convolutions(nodes, weights):
    """Put convolutions before the pooling of a network, whose results have as many channels as its input."""
    place = next(i for i, node in enumerate(nodes) if node.op_type == "GlobalAveragePool")
    pooling = nodes[place]
    random = np.random.default_rng(0)
    for i in range(CONVOLUTIONS):
        weight, result = f"conv_{i}_weight", f"conv_{i}"
        weights[weight] = random.normal(0, 0.2, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        attributes = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        conv = helper.make_node("Conv", [pooling.input[0], weight], [result], **attributes)
        nodes.insert(place + i, conv)
        pooling.input[0] = result
