"""Which files of a bag are opened, and that nothing stays open or unpacked."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import apsw
import numpy as np
import pytest
from bag_images import TOPIC, image_message
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.files import unpacking
from pose_estimation_ros.evaluation.bag.files.message_types import serialized, typestore
from pose_estimation_ros.evaluation.bag.files.reader import Bag, bag_name
from pose_estimation_ros.evaluation.bag.files.unpacking import zstd

IMAGES = np.random.default_rng(0).integers(0, 255, (4, 24, 32, 3), dtype=np.uint8)


def read(path, topic=TOPIC):
    with Bag(path) as bag:
        return list(bag.read(topic)), bag.problem


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


@pytest.fixture
def compressed_bag(tmp_path):
    """A function: "message", "file" or "storage", "sqlite3" or "mcap" -> a compressed bag of one image."""

    def make(mode, storage, message):
        writer = Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin[storage.upper()])
        writer.set_compression(CompressionMode[mode.upper()], CompressionFormat.ZSTD)
        with writer:
            connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
            writer.write(connection, 5, serialized(message))
        return tmp_path / "bag"

    return make


@pytest.mark.parametrize(
    "mode, storage",
    [("message", "sqlite3"), ("message", "mcap"), ("file", "sqlite3"), ("file", "mcap"), ("storage", "mcap")],
)
@pytest.mark.parametrize("metadata", [True, False])
def test_compressed_bags(compressed_bag, temporary, mode, storage, metadata):
    path = compressed_bag(mode, storage, image_message(IMAGES[0], 5))
    if not metadata:
        (path / "metadata.yaml").unlink()
    with Bag(path) as bag:
        (frame,) = bag.read(TOPIC)
        np.testing.assert_array_equal(frame.image(), IMAGES[0])
        assert bool(bag.problem) != metadata
        assert len(os.listdir(temporary)) == (mode == "file")
    assert os.listdir(temporary) == []


def test_a_compressed_file_alone(compressed_bag, temporary):
    path = next(compressed_bag("file", "sqlite3", image_message(IMAGES[0], 5)).glob("*.zstd"))
    assert len(read(path)[0]) == 1 and bag_name(path) == "bag"


@pytest.mark.parametrize("name", ["x.db3.zstd", "x.mcap.zstd"])
def test_a_bomb_leaves_nothing_behind(tmp_path, temporary, monkeypatch, name):
    monkeypatch.setattr(unpacking, "FREE_SIZE", 10**6)
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / name).write_bytes(zstd.compress(bytes(10**7)))
    with pytest.raises(DataError, match=f"{name}: expected at most .* bytes when unpacked, got more"):
        Bag(tmp_path / "bag")
    assert os.listdir(temporary) == []


@pytest.fixture
def listed(save_bag, stamps):
    """A function: name in relative_file_paths -> a bag of one good file whose metadata.yaml lists that one, too."""

    def make(name):
        path = save_bag("bag", stamps(4), IMAGES)
        text = (path / "metadata.yaml").read_text()
        (path / "metadata.yaml").write_text(text.replace("- bag.db3", f"- bag.db3\n  - {name}", 1))
        return path

    return make


def fifo(path):
    os.mkfifo(path)


def link(path):
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    "name, prepare",
    [
        ("more.db3", lambda path: None),
        ("more.db3", fifo),
        ("more.mcap.zstd", fifo),
        ("more.db3", link),
        ("more.db3", lambda path: path.mkdir()),
        ("more.db3", lambda path: path.symlink_to("/dev/zero")),
        ("../../../../etc/passwd", lambda path: None),
        ("/etc/passwd", lambda path: None),
    ],
)
def test_only_regular_files_of_the_folder_are_opened(listed, name, prepare):
    path = listed(name)
    if "/" not in name:
        prepare(path / name)
    frames, problem = read(path)
    assert len(frames) == 4 and problem == f"metadata.yaml lists {name}, which is no regular file of the bag's folder"


@pytest.mark.parametrize("prepare", [fifo, link])
def test_without_metadata_either(save_bag, stamps, prepare):
    path = save_bag("bag", stamps(4), IMAGES)
    (path / "metadata.yaml").unlink()
    prepare(path / "more.db3")
    frames, problem = read(path)
    assert len(frames) == 4 and problem.endswith("; more.db3 is no regular file of the bag's folder")


def test_a_pipe_is_no_bag(tmp_path):
    os.mkfifo(tmp_path / "bag.mcap")
    with pytest.raises(DataError, match="bag.mcap, which is no folder or regular file"):
        Bag(tmp_path / "bag.mcap")


def test_old_metadata_with_folders_in_the_names(save_bag, stamps):
    path = save_bag("bag", stamps(4), IMAGES)
    text = (path / "metadata.yaml").read_text()
    (path / "metadata.yaml").write_text(text.replace("- bag.db3", "- /home/robot/bag/bag.db3", 1))
    frames, problem = read(path)
    assert len(frames) == 4 and problem == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "a: 1", "rosbag2_bagfile_information: 5",
             "rosbag2_bagfile_information: {relative_file_paths: 3}",
             "rosbag2_bagfile_information: {relative_file_paths: [bag.db3], topics_with_message_count: [3]}",
             "[" * 100_000, "\0", "é"]
)  # fmt: skip
def test_odd_metadata_is_a_problem_and_no_end(save_bag, stamps, text):
    path = save_bag("bag", stamps(4), IMAGES)
    (path / "metadata.yaml").write_text(text, encoding="latin-1")
    frames, problem = read(path)
    assert len(frames) == 4 and "metadata.yaml: expected" in problem


def test_a_lost_part(save_bag, stamps, listed):
    path = listed("lost.db3")
    text = (path / "metadata.yaml").read_text()
    (path / "metadata.yaml").write_text(text.replace("message_count: 4", "message_count: 9"))
    with Bag(path) as bag:
        assert bag.count(TOPIC) == 9 and len(list(bag.read(TOPIC))) == 4
        assert "lists lost.db3" in bag.problem


def sqlite(path, *commands):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for command in commands:
            connection.execute(command)
        connection.commit()


@pytest.mark.parametrize(
    "commands",
    [
        ["UPDATE messages SET timestamp = 'today'"],
        ["UPDATE messages SET data = 5"],
        ["UPDATE messages SET data = 'text'"],
        ["UPDATE topics SET name = 7"],
        ["UPDATE topics SET type = x'00ff'"],
        ["UPDATE topics SET type = 'Image'"],
        ["UPDATE topics SET offered_qos_profiles = '" + "[" * 5000 + "'"],
        ["DROP TABLE messages"],
        ["ALTER TABLE messages RENAME COLUMN data TO old", "ALTER TABLE messages ADD data AS (zeroblob(300000000))"],
    ],
)
def test_odd_databases(save_bag, stamps, commands):
    """They end in an error or a problem; never in an exception of another kind, or with 300 MB in memory."""
    path = save_bag("bag", stamps(4), IMAGES)
    sqlite(path / "bag.db3", *commands)
    connections = len(apsw.connections())
    with contextlib.suppress(DataError):
        _, problem = read(path)
        assert problem or commands[0].startswith("UPDATE topics")
    assert len(apsw.connections()) == connections


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: data,
        lambda data: data[:5000],
        lambda data: b"",
        lambda data: data[:20] + b"\xff" * 200 + data[220:],
    ],
)
@pytest.mark.parametrize("name", ["bag.db3", "bag.mcap"])
def test_no_file_stays_open(save_bag, stamps, name, break_it):
    path = save_bag("bag", stamps(3), storage="mcap" if name.endswith("mcap") else "sqlite3")
    (path / name).write_bytes(break_it((path / name).read_bytes()))
    for _ in range(2):
        with contextlib.suppress(DataError), Bag(path) as bag:
            list(bag.read(TOPIC))
    held = [os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if os.path.islink(entry.path)]
    assert not [name for name in held if str(path) in name]


def test_parts_that_follow_each_other_are_decompressed_one_after_the_other(save_bag, stamps, tmp_path, monkeypatch):
    """The second file's messages are not touched before the first's are all out."""
    (tmp_path / "split").mkdir()
    for place in (0, 1):
        own = save_bag(f"part{place}", stamps(4)[2 * place :][:2], IMAGES[2 * place :], "mcap")
        shutil.copy(own / f"part{place}.mcap", tmp_path / "split" / f"{place}.mcap")
    with Bag(tmp_path / "split") as bag:
        second = bag._files.readers[1]
        begun = []
        whole = second.messages
        monkeypatch.setattr(second, "messages", lambda *given: begun.append(1) or whole(*given))
        frames = bag.read(TOPIC)
        assert [next(frames).stamp_ns, next(frames).stamp_ns] == stamps(4)[:2] and not begun
        assert [frame.stamp_ns for frame in frames] == stamps(4)[2:] and begun


@pytest.mark.parametrize("name, expected", [("a/b", "b"), ("a/b.db3", "b"), ("a/b.mcap.zstd", "b"), ("a/b.bag", "b")])
def test_names(tmp_path, name, expected):
    path = Path(tmp_path, name)
    path.parent.mkdir()
    path.write_bytes(b"") if path.suffix else path.mkdir()
    assert bag_name(path) == expected
