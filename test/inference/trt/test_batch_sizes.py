import pytest

from pose_estimation_ros.inference.trt.batch_sizes import Bucket, bucket_sizes, parts


@pytest.mark.parametrize("largest, expected", [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_bucket_sizes(largest, expected):
    assert bucket_sizes(largest) == expected


@pytest.mark.parametrize(
    "total, expected",
    [
        (0, []),
        (1, [(0, 1, 1)]),
        (3, [(0, 3, 4)]),
        (6, [(0, 6, 6)]),
        (7, [(0, 6, 6), (6, 1, 1)]),
        (15, [(0, 6, 6), (6, 6, 6), (12, 3, 4)]),
    ],
)
def test_parts_of_a_batch(total, expected):
    buckets = [Bucket(size, None, None) for size in (1, 2, 4, 6)]
    assert [(start, size, bucket.size) for start, size, bucket in parts(total, buckets)] == expected
