"""Build, cache and run TensorRT engines on GPUs of NVIDIA."""
