"""What ONNX models compute, and the types of their tensors."""

import onnx
import onnxruntime


def outputs(model, batch):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})


def types(model):
    graph = onnx.shape_inference.infer_shapes(model).graph
    found = {info.name: info.type.tensor_type.elem_type for info in (*graph.input, *graph.output, *graph.value_info)}
    return {**found, **{tensor.name: tensor.data_type for tensor in graph.initializer}}
