"""Load libcudart of any version from 10.2 on and declare its functions.

JetPack, the CUDA toolkit and pip install it in different places.
"""

import ctypes
import glob
import os
import sys
from typing import Any, Dict, List

from pose_estimation_ros.core.errors import CudaError

LIBRARIES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2")
FOLDERS = (
    "/usr/local/cuda/lib64",
    "/usr/local/cuda-*/lib64",
    "/usr/local/cuda*/targets/*/lib",
    "/usr/lib/*-linux-gnu",
    *[os.path.join(folder, "nvidia", "*", "lib") for folder in sys.path if folder],  # pip's nvidia-cuda-runtime*
)

_POINTER, _INT, _UINT, _SIZE = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_size_t
_OUT_POINTER, _OUT_INT, _OUT_SIZE = (ctypes.POINTER(kind) for kind in (_POINTER, _INT, _SIZE))
# {function: types of its arguments}; all return cudaError_t, and handles of streams, events and graphs are pointers
SIGNATURES: Dict[str, List[Any]] = {
    "cudaRuntimeGetVersion": [_OUT_INT],
    "cudaGetDeviceCount": [_OUT_INT],
    "cudaSetDevice": [_INT],
    "cudaDeviceGetAttribute": [_OUT_INT, _INT, _INT],
    "cudaGetDeviceProperties": [_POINTER, _INT],
    "cudaMemGetInfo": [_OUT_SIZE, _OUT_SIZE],
    "cudaMalloc": [_OUT_POINTER, _SIZE],
    "cudaFree": [_POINTER],
    "cudaHostAlloc": [_OUT_POINTER, _SIZE, _UINT],
    "cudaFreeHost": [_POINTER],
    "cudaMemcpyAsync": [_POINTER, _POINTER, _SIZE, _INT, _POINTER],
    "cudaStreamCreateWithFlags": [_OUT_POINTER, _UINT],
    "cudaStreamSynchronize": [_POINTER],
    "cudaStreamDestroy": [_POINTER],
    "cudaEventCreateWithFlags": [_OUT_POINTER, _UINT],
    "cudaEventRecord": [_POINTER, _POINTER],
    "cudaEventSynchronize": [_POINTER],
    "cudaEventElapsedTime": [ctypes.POINTER(ctypes.c_float), _POINTER, _POINTER],
    "cudaEventDestroy": [_POINTER],
    "cudaStreamBeginCapture": [_POINTER, _INT],
    "cudaStreamEndCapture": [_POINTER, _OUT_POINTER],
    "cudaGraphDestroy": [_POINTER],
    "cudaGraphLaunch": [_POINTER, _POINTER],
    "cudaGraphExecDestroy": [_POINTER],
    "cudaGetLastError": [],
}


def load_library() -> ctypes.CDLL:
    """Load libcudart by the search path of the dynamic loader or from FOLDERS. Raises CudaError if it is missing."""
    for path in candidates():
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    raise CudaError("expected CUDA's runtime library: no %s in the loader's path or %s. It is part of JetPack and the "
                    "CUDA toolkit, or comes with pip install nvidia-cuda-runtime-cu12" % (
                        ", ".join(LIBRARIES), ", ".join(FOLDERS[:4])))  # fmt: skip


def candidates() -> List[str]:
    """Return the names of the library for the dynamic loader, then its paths in FOLDERS."""
    paths = [sorted(glob.glob(os.path.join(folder, name))) for folder in FOLDERS for name in LIBRARIES]
    return list(LIBRARIES) + [path for group in paths for path in group]


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the types of all functions to ctypes, which would cut addresses to 32 bits otherwise.

    Raises:
        CudaError: a function is missing.
    """
    optional: Dict[str, List[Any]] = {
        "cudaGraphInstantiateWithFlags": [_OUT_POINTER, _POINTER, ctypes.c_ulonglong],
        "cudaGraphInstantiate": [_OUT_POINTER, _POINTER, _POINTER, _POINTER, _SIZE],  # as before CUDA 12
    }
    for name, types in dict(SIGNATURES, **optional).items():
        if name in SIGNATURES and not hasattr(library, name):
            raise CudaError("%s: expected the function %s, which CUDA has since 10.1" % (library, name))
        if hasattr(library, name):
            getattr(library, name).argtypes = types
            getattr(library, name).restype = _INT
    library.cudaGetErrorString.argtypes, library.cudaGetErrorString.restype = [_INT], ctypes.c_char_p
    return library
