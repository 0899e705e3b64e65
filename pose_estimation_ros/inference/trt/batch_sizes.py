"""Choose the batch sizes at which an engine runs, and split batches into these sizes."""

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from pose_estimation_ros.inference.trt.api import TrtObject


class Bucket(NamedTuple):
    """Hold a batch size at which the engine runs.

    Attributes:
        size: images.
        context: TensorRT's execution context.
        graph: CUDA graph, None if the layers are enqueued call by call.
    """

    size: int
    context: TrtObject
    graph: Optional[int]


def bucket_sizes(largest: int) -> List[int]:
    """Return 1, 2, 4, 8 ... and the largest size."""
    return [2**power for power in range(largest.bit_length()) if 2**power < largest] + [largest]


def parts(total: int, buckets: Sequence[Bucket]) -> Iterator[Tuple[int, int, Bucket]]:
    """Split a batch into runs: the largest size as often as it is full, then the smallest one that fits.

    Args:
        total: number of images in the batch.
        buckets: in ascending order of size.

    Yields:
        start, size and bucket of each run.
    """
    for start in range(0, total, buckets[-1].size):
        size = min(total - start, buckets[-1].size)
        yield start, size, next(bucket for bucket in buckets if bucket.size >= size)
