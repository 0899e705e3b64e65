"""Write tiny networks with the inputs and outputs of other programs' pose models.

Each output is a linear function of the mean of each channel that comes in, so that a test can compute it by hand, and
the wrong order of channels, range or normalisation shows.
"""

import numpy as np


def write_foreign(path, inputs, outputs, dtype=np.float32, opset=13, ir_version=7, metadata=None, change=None, seed=0):
    """Write a network and return the function from its input to its outputs.

    inputs is (name, shape), shape with 3 channels in second or last place, names for free sides; outputs is
    {name: shape} with all sides known, or a pair (shape, declared shape). change gets the list of nodes, to add others.
    """
    import onnx
    from onnx import helper, numpy_helper

    name, shape = inputs
    random = np.random.RandomState(seed)
    half = dtype == np.float16
    nodes, weights, infos, tables = [helper.make_node("Cast", [name], ["numbers"], to=1)], {}, [], {}
    x = "numbers"
    if shape[1] != 3:
        nodes.append(helper.make_node("Transpose", [x], ["channels_first"], perm=[0, 3, 1, 2]))
        x = "channels_first"
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["means"]))
    nodes.append(helper.make_node("Flatten", ["means"], ["flat"], axis=1))
    for output, sides in outputs.items():
        sides, declared = sides if isinstance(sides, tuple) and isinstance(sides[0], (tuple, list)) else (sides, sides)
        count = int(np.prod(sides[1:])) if shape[0] != 1 else int(np.prod(sides))
        weight = random.uniform(0, 1, (3, count)).astype(np.float32)
        offset = random.uniform(0, 1, count).astype(np.float32)
        tables[output] = weight, offset, sides
        weights[output + "_weight"], weights[output + "_offset"] = weight, offset
        weights[output + "_shape"] = np.array([0 if shape[0] != 1 else sides[0]] + list(sides[1:]), np.int64)
        last = output + "_float" if half else output
        nodes += [
            helper.make_node("MatMul", ["flat", output + "_weight"], [output + "_product"]),
            helper.make_node("Add", [output + "_product", output + "_offset"], [output + "_sum"]),
            helper.make_node("Reshape", [output + "_sum", output + "_shape"], [last]),
        ]
        if half:
            nodes.append(helper.make_node("Cast", [last], [output], to=onnx.TensorProto.FLOAT16))
        kind = onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(output, kind, declared))
    if change is not None:
        change(nodes, weights)
    kind = {
        np.float32: onnx.TensorProto.FLOAT, np.float16: onnx.TensorProto.FLOAT16, np.uint8: onnx.TensorProto.UINT8,
        np.int32: onnx.TensorProto.INT32, np.int64: onnx.TensorProto.INT64, np.float64: onnx.TensorProto.DOUBLE,
    }[dtype]  # fmt: skip
    entry = helper.make_tensor_value_info(name, kind, list(shape))
    tensors = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    older = (
        [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in tensors] if ir_version < 4 else []
    )
    graph = helper.make_graph(nodes, "foreign", [entry] + older, infos, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = ir_version
    for key, value in (metadata or {}).items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))

    def run(batch):
        axes = (2, 3) if shape[1] == 3 else (1, 2)
        means = batch.astype(np.float32).mean(axes, dtype=np.float64)
        results = {}
        for output, (weight, offset, sides) in tables.items():
            rows = len(batch) if shape[0] != 1 else sides[0]
            results[output] = (means @ weight + offset).reshape([rows] + list(sides[1:]))
        return results

    return run
