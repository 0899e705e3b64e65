"""Try a few hundred mutations on every target; `make fuzz` tries more and watches time and memory."""

import random
import struct
import zlib

import pytest

from fuzz.mutations import mutated, repaired
from fuzz.targets import TARGETS
from pose_estimation_ros.core.errors import PoseError

COUNT = 200


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nothing_but_refusals(name):
    target, rng = TARGETS[name], random.Random(0)
    seeds = list(target.seeds())
    served = 0
    inputs = seeds + [target.repair(mutated(rng.choice(seeds), rng, seeds, target.tokens)) for _ in range(COUNT)]
    for data in inputs:
        try:
            target.run(data)
            served += 1
        except PoseError as error:
            assert 0 < len(str(error)) < 1000
    if name != "model_spec":  # whose files belong to no network
        assert served > 5


def test_an_input_of_no_bytes_can_be_changed():
    assert {mutated(b"", random.Random(seed), [b""]) for seed in range(50)} > {b""}


def test_checksums_are_put_right():
    good = b"jpeg\n\x89PNG\r\n\x1a\n" + b"\0\0\0\1tEXtx\x3b\x3e\xf2\xd5"
    damaged = good[:-1] + b"\0"
    assert repaired(damaged) == repaired(good) and repaired(damaged)[:-4] == damaged[:-4]
    assert repaired(b"other") == b"other"
    (checksum,) = struct.unpack(">I", repaired(damaged)[-4:])
    assert checksum == zlib.crc32(b"tEXtx")
