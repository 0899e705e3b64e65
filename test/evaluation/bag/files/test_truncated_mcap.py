import pytest
from rosbags.rosbag2 import Reader

from pose_estimation_ros.evaluation.bag.files.truncated_mcap import CutMcap, is_cut, whole_records_end


@pytest.fixture
def mcap(save_bag, stamps, noise):
    """A file of 2 chunks (rosbags closes one at 1 MiB), and where its records end, read off by hand."""
    path = save_bag("whole", stamps(5), noise, "mcap") / "whole.mcap"
    return path


@pytest.fixture
def noise():
    """5 images of 0.3 MB."""
    import numpy as np

    return np.random.default_rng(0).integers(0, 255, (5, 320, 320, 3), dtype=np.uint8)


def count(path):
    with Reader(path) as reader:
        return sum(1 for _ in reader.messages())


def chunk_ends(data):
    """Offsets behind the chunks (opcode 6), by walking the records."""
    position, ends = 8, []
    while position < len(data) - 8:
        end = position + 9 + int.from_bytes(data[position + 1 : position + 9], "little")
        if data[position] == 6:
            ends.append(end)
        position = end
    return ends


def test_a_whole_file_is_not_cut(mcap):
    assert not is_cut(mcap) and count(mcap) == 5 and count(CutMcap(mcap)) == 5


def test_what_is_no_mcap_is_not_cut(tmp_path):
    for name, content in (("empty", b""), ("short", b"\x89MCAP"), ("other", bytes(100))):
        (tmp_path / name).write_bytes(content)
        assert not is_cut(tmp_path / name)


def test_every_cut_leaves_the_whole_chunks(mcap, tmp_path):
    data = mcap.read_bytes()
    first, second = chunk_ends(data)
    cuts = {
        8: 0,
        30: 0,
        first - 1: 0,
        first: 4,
        first + 5: 4,
        second - 1: 4,
        second: 5,
        second + 40: 5,
        len(data) - 1: 5,
    }
    for cut, messages in cuts.items():
        path = tmp_path / f"{cut}.mcap"
        path.write_bytes(data[:cut])
        assert is_cut(path) and whole_records_end(str(path)) <= cut
        if cut > 30:  # the header record is there
            assert count(CutMcap(path)) == messages, cut
        assert path.read_bytes() == data[:cut], "the file itself stays as it is"
