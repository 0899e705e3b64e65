"""Find and open models on the library that runs them: ONNX Runtime, OpenVINO or TensorRT."""
