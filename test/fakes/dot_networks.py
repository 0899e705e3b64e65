"""Write networks of other programs' contracts that find dots: keypoint 0, 1, 2 is the reddest, greenest, bluest point.

Two people stand beside each other, one in each half of the image. Each network undoes the normalisation that its family
asks for, so that scores show whether it was done.
"""

import numpy as np

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SKELETON = {"name": "lights", "keypoints": ["red", "green", "blue"], "links": [[0, 1], [1, 2]]}


def _write(path, nodes, shape, outputs, weights):
    """Write a network whose input is "input" and whose weights may be of any type, and return its path."""
    from onnx import TensorProto, helper, numpy_helper, save

    arrays = {name: np.asarray(value) for name, value in weights.items()}
    arrays = {name: array.astype(np.float32) if array.dtype == float else array for name, array in arrays.items()}
    kinds = {name: TensorProto.INT64 if name == "labels" else TensorProto.FLOAT for name in outputs}
    graph = helper.make_graph(
        [helper.make_node(op, reads, writes, **attributes) for op, reads, writes, attributes in nodes],
        "dots",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, kinds[name], sides) for name, sides in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    save(model, str(path))
    return str(path)


def _pixels(mean, std):
    """Return nodes and weights that make "pixels", RGB 0..1, of a normalised input."""
    nodes = [("Mul", ["input", "std"], ["scaled"], {}), ("Add", ["scaled", "mean"], ["pixels"], {})]
    return nodes, {"mean": np.reshape(mean, (1, 3, 1, 1)) / 255.0, "std": np.reshape(std, (1, 3, 1, 1)) / 255.0}


def write_simcc(path):
    """Write a network like RTMPose's, 48 x 64 px, for one person: two bins a pixel."""
    nodes, weights = _pixels(MEAN, STD)
    for output, axis in (("simcc_x", 2), ("simcc_y", 3)):
        nodes.append(("ReduceMax", ["pixels"], [output + "_one"], {"axes": [axis], "keepdims": 0}))
        nodes.append(("Resize", [output + "_one", "", "twice"], [output], {"mode": "linear"}))
    weights["twice"] = [1.0, 1.0, 2.0]
    return _write(path, nodes, ["n", 3, 64, 48], {"simcc_x": ["n", 3, 96], "simcc_y": ["n", 3, 128]}, weights)


def write_rtmo(path, size_wh):
    """Write a network like RTMO's, which takes BGR 0..255 and gives both people at once."""
    width, height = size_wh
    nodes = [
        ("Gather", ["input", "rgb"], ["colors"], {"axis": 1}),
        ("Reshape", ["colors", "halves"], ["pixels"], {}),
        ("ReduceMax", ["pixels"], ["columns"], {"axes": [2], "keepdims": 0}),
        ("ArgMax", ["columns"], ["column"], {"axis": 3, "keepdims": 1}),
        ("Cast", ["column"], ["column_number"], {"to": 1}),
        ("Add", ["column_number", "begin"], ["x_of_colors"], {}),
        ("Transpose", ["x_of_colors"], ["x"], {"perm": [0, 2, 1, 3]}),
        ("ReduceMax", ["pixels"], ["rows"], {"axes": [4], "keepdims": 0}),
        ("ArgMax", ["rows"], ["row"], {"axis": 2, "keepdims": 1}),
        ("Cast", ["row"], ["row_number"], {"to": 1}),
        ("Transpose", ["row_number"], ["y"], {"perm": [0, 3, 1, 2]}),
        ("ReduceMax", ["rows"], ["brightest"], {"axes": [2], "keepdims": 1}),
        ("Transpose", ["brightest"], ["brightness"], {"perm": [0, 3, 1, 2]}),
        ("Div", ["brightness", "white"], ["score"], {}),
        ("Concat", ["x", "y", "score"], ["keypoints"], {"axis": 3}),
        ("ReduceMin", ["keypoints"], ["least"], {"axes": [2], "keepdims": 0}),
        ("ReduceMax", ["keypoints"], ["most"], {"axes": [2], "keepdims": 0}),
        ("Gather", ["least", "xy"], ["corner"], {"axis": 2}),
        ("Concat", ["corner", "most"], ["dets"], {"axis": 2}),
    ]
    weights = {
        "rgb": np.array([2, 1, 0]), "xy": np.array([0, 1]), "halves": np.array([1, 3, height, 2, width // 2]),
        "begin": np.reshape([0.0, width / 2], (1, 1, 2, 1)), "white": [255.0],
    }  # fmt: skip
    return _write(path, nodes, [1, 3, height, width], {"dets": [1, 2, 5], "keypoints": [1, 2, 3, 3]}, weights)


def write_associative_embedding(path, size_wh):
    """Write a network like HigherHRNet's: heatmaps and tags at a quarter of the image, heatmaps at its half."""
    width, height = size_wh
    nodes, weights = _pixels(MEAN, STD)
    nodes += [
        ("MaxPool", ["pixels"], ["heatmaps"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("Mul", ["heatmaps", "nothing"], ["zeros"], {}),
        ("Add", ["zeros", "person"], ["tags"], {}),
        ("Concat", ["heatmaps", "tags"], ["output_1"], {"axis": 1}),
        ("MaxPool", ["pixels"], ["output_2"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ]
    weights["nothing"], weights["person"] = [0.0], np.repeat([0.0, 10.0], width // 8)
    outputs = {"output_1": [1, 6, height // 4, width // 4], "output_2": [1, 3, height // 2, width // 2]}
    return _write(path, nodes, [1, 3, height, width], outputs, weights)


def write_detector(path, boxes_xyxy, size_wh):
    """Write a network like RTMDet's that gives these boxes for every image, in px of its input."""
    boxes = np.concatenate([np.asarray(boxes_xyxy, float), np.full((len(boxes_xyxy), 1), 0.9)], 1)[None]
    nodes = [
        ("ReduceMean", ["input"], ["mean"], {"axes": [0, 1, 2, 3], "keepdims": 0}),
        ("Mul", ["mean", "nothing"], ["zero"], {}),
        ("Add", ["boxes", "zero"], ["dets"], {}),
        ("Identity", ["classes"], ["labels"], {}),
    ]
    weights = {"nothing": 0.0, "boxes": boxes, "classes": np.zeros((1, len(boxes_xyxy)), np.int64)}
    outputs = {"dets": list(boxes.shape), "labels": list(boxes.shape[:2])}
    return _write(path, nodes, [1, 3, size_wh[1], size_wh[0]], outputs, weights)
