"""Run ONNX models and return the types of their tensors."""

import onnx
import onnxruntime


def outputs(model, batch):
    """Return the outputs of a model for a batch."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})


def types(model):
    """Return {name: element type} of all tensors of a model."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    inferred = {info.name: info.type.tensor_type.elem_type for info in (*graph.input, *graph.output, *graph.value_info)}
    return {**inferred, **{tensor.name: tensor.data_type for tensor in graph.initializer}}
