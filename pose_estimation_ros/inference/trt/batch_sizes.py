"""The batch sizes that an engine is run at, and which of them a batch takes."""

from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple


class Bucket(NamedTuple):
    """A batch size that the engine is run at. graph: of CUDA, None where it is enqueued call by call."""

    size: int
    context: Any
    graph: Optional[int]


def bucket_sizes(largest: int) -> List[int]:
    """1, 2, 4, 8 ... and the largest."""
    return [2**power for power in range(largest.bit_length()) if 2**power < largest] + [largest]


def parts(total: int, buckets: Sequence[Bucket]) -> Iterator[Tuple[int, int, Bucket]]:
    """(start, size, bucket) of each run that a batch takes: the largest as often as it is full, then one that fits."""
    for start in range(0, total, buckets[-1].size):
        size = min(total - start, buckets[-1].size)
        yield start, size, next(bucket for bucket in buckets if bucket.size >= size)
