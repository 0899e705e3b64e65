"""Write tiny networks with known outputs and their specs, for tests and for the fault rig."""

import json
import os

import numpy as np


def write_onnx(folder, name, nodes, inputs, outputs, weights):
    """Write an ONNX file, which ONNX Runtime 1.10 can load, and return its path."""
    import onnx
    import onnx.helper
    import onnx.numpy_helper

    def infos(shapes):
        return [onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, s) for key, s in shapes.items()]

    tensors = [onnx.numpy_helper.from_array(np.asarray(value, np.float32), key) for key, value in weights.items()]
    nodes = [onnx.helper.make_node(op, reads, writes, **attributes) for op, reads, writes, attributes in nodes]
    graph = onnx.helper.make_graph(nodes, name, infos(inputs), infos(outputs), tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 7
    path = os.path.join(str(folder), name + ".onnx")
    onnx.save(model, path)
    return path


def write_spec(path, **changes):
    """Write the spec beside a model; keywords replace fields."""
    from pose_estimation_ros.core.atomic_files import file_sha256
    from pose_estimation_ros.core.model_spec import ModelSpec, spec_path
    from pose_estimation_ros.core.skeleton import SKELETONS

    fields = {
        "name": "tiny", "task": "top_down", "input_size_wh": (48, 64), "color_order": "rgb", "skeleton": "coco17",
        "stride": 4, "decoder": "quarter_offset", "padding": 1.25, "sha256": file_sha256(path), "accuracy": {},
        "training": {},
    }  # fmt: skip
    fields.update(changes)
    spec = ModelSpec(**dict(fields, skeleton=SKELETONS.get(fields["skeleton"], fields["skeleton"] or None)))
    with open(spec_path(path), "w") as file:
        json.dump(spec.to_json(), file)
    return spec


def write_color_model(folder, skeleton="coco17"):
    """Write a top-down model of 48x64 px whose keypoint k is at the reddest, greenest or bluest point (k % 3).

    The skeleton is a Skeleton or the name of a known one.
    """
    from pose_estimation_ros.core.skeleton import SKELETONS

    joints = np.arange(SKELETONS.get(skeleton, skeleton).num_keypoints)
    weight = np.zeros((len(joints), 3, 1, 1))
    weight[joints, joints % 3] = 1 / 255.0
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", len(joints), 16, 12]}
    path = write_onnx(folder, "color_model", nodes, shapes[0], shapes[1], {"weight": weight})
    write_spec(path, skeleton=skeleton)
    return path


def write_broken_model(folder, bias):
    """Write the color model with a bias (17,), such as NaN, added to its heatmaps."""
    weight = np.zeros((17, 3, 1, 1))
    weight[np.arange(17), np.arange(17) % 3] = 1 / 255.0
    nodes = [
        ("Conv", ["images", "weight"], ["colors"], {"strides": [4, 4]}),
        ("Add", ["colors", "bias"], ["heatmaps"], {}),
    ]
    weights = {"weight": weight, "bias": np.reshape(bias, (1, 17, 1, 1))}
    path = write_onnx(folder, "broken", nodes, {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", 17, 16, 12]}, weights)
    write_spec(path)
    return path


def write_engine(model, max_batch=8, **changes):
    """Write <model>.engine and its sidecar beside an ONNX file, for the fake TensorRT; keywords replace fields."""
    from fake_tensorrt import engine_bytes

    from pose_estimation_ros.core.atomic_files import file_sha256
    from pose_estimation_ros.core.model_spec import load_model_spec
    from pose_estimation_ros.inference.trt.cache import SIDECAR, store
    from pose_estimation_ros.inference.trt.gpu import ask_gpu

    path, sha256 = model[: -len(".onnx")] + ".engine", file_sha256(model)
    fields = dict(dict.fromkeys(SIDECAR, ""), **ask_gpu().machine)
    fields.update(onnx_path=model, onnx_sha256=sha256, source_path=model, source_sha256=sha256)
    fields.update(model_spec=load_model_spec(model).to_json(), max_batch=max_batch, parity=None)
    fields.update(layers={}, built={"seconds": 1.0}, shapes=[], failed_over=[])
    store(path, engine_bytes(model, max_batch), dict(fields, **changes))
    return path


def paint_blob(image, center_xy, color_bgr, sigma=6.0):
    """Add a soft dot to an image in place, with its brightest point at center_xy px."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    dot = np.exp(-((x - center_xy[0]) ** 2 + (y - center_xy[1]) ** 2) / (2 * sigma**2))[..., None]
    image[:] = np.maximum(image, np.round(dot * np.array(color_bgr)).astype(np.uint8))
