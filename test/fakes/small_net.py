"""Write a network with each operator that conversion to lower precision must treat specially."""

import numpy as np


def save_small_net(save_onnx, save_spec, name="small", extra=()):
    """Write the network (16x8 px, 17 heatmaps) and its spec; its weights make the output vary. Return its path."""
    rng = np.random.default_rng(0)
    weights = {
        "mean": np.full((1, 3, 1, 1), 128), "scale": np.full((1, 3, 1, 1), 1 / 64),
        "w1": rng.standard_normal((8, 3, 3, 3)) / 5, "b1": rng.standard_normal(8) / 10,
        "w2": rng.standard_normal((8, 8, 3, 3)) / 9, "b2": rng.standard_normal(8) / 10,
        "w3": rng.standard_normal((17, 8, 1, 1)) / 6, "b3": rng.standard_normal(17) / 10,
        "twice": [1, 1, 2, 2], "empty": [], "two": 2.0, "wv": rng.standard_normal((8, 8)) / 8,
    }  # fmt: skip
    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        ("Sub", ["images", "mean"], ["centred"], {}),
        ("Mul", ["centred", "scale"], ["normal"], {}),
        ("Conv", ["normal", "w1", "b1"], ["c1"], {**same, "strides": [2, 2]}),
        ("Relu", ["c1"], ["r1"], {}),
        ("Conv", ["r1", "w2", "b2"], ["c2"], same),
        ("Add", ["c2", "r1"], ["sum"], {}),
        ("Relu", ["sum"], ["r2"], {}),
        ("GlobalAveragePool", ["r2"], ["mean_pixel"], {}),
        ("Pow", ["mean_pixel", "two"], ["squares"], {}),
        ("Flatten", ["squares"], ["vector"], {}),
        ("Gemm", ["vector", "wv"], ["weighed"], {}),
        ("Add", ["weighed", "two"], ["moved"], {}),
        ("Constant", [], ["last_axes"], {"value_ints": [2, 3]}),
        ("Unsqueeze", ["moved", "last_axes"], ["pixel"], {}),
        ("Add", ["r2", "pixel"], ["attended"], {}),
        ("Resize", ["attended", "empty", "twice"], ["large"], {"mode": "nearest"}),
        *extra,
        ("Conv", ["large", "w3", "b3"], ["heatmaps"], {"strides": [4, 4]}),
    ]
    shapes = {"images": ["n", 3, 16, 8]}, {"heatmaps": ["n", 17, 4, 2]}
    path = save_onnx(name, nodes, *shapes, weights)
    save_spec(path, name=name, input_size_wh=(8, 16))
    return path


def noise(count=4):
    """Return batches of noise for calibration."""
    rng = np.random.default_rng(1)
    return [rng.uniform(0, 255, (2, 3, 16, 8)).astype(np.float32) for _ in range(count)]
