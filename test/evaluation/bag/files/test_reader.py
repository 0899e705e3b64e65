"""Bags of every kind, whole and broken."""

import shutil
import sqlite3

import cv2
import numpy as np
import pytest
from bag_images import TOPIC, image_message
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages, serialized, typestore
from pose_estimation_ros.evaluation.bag.files.reader import Bag, image_topic

IMAGES = np.random.default_rng(0).integers(0, 255, (4, 24, 32, 3), dtype=np.uint8)


def read(path, topic=TOPIC):
    with Bag(path) as bag:
        return list(bag.read(topic)), bag.problem


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("as_file", [False, True])
def test_images_as_recorded(save_bag, stamps, storage, as_file):
    path = save_bag("bag", stamps(4), IMAGES, storage)
    if as_file:
        path = path / ("bag.mcap" if storage == "mcap" else "bag.db3")
    frames, problem = read(path)
    assert problem == "" and [f.index for f in frames] == [0, 1, 2, 3]
    assert [f.stamp_ns for f in frames] == [f.recorded_ns for f in frames] == stamps(4)
    assert frames[0].message.header.frame_id == "cam" and all(f.has_stamp for f in frames)
    for frame, image in zip(frames, IMAGES):
        np.testing.assert_array_equal(frame.image(), image)


def test_ros1(tmp_path, stamps):
    store = get_typestore(Stores.ROS1_NOETIC)
    with Rosbag1Writer(tmp_path / "old.bag") as writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=store)
        types = store.types
        for stamp_ns, image in zip(stamps(4), IMAGES):
            stamp = types["builtin_interfaces/msg/Time"](stamp_ns // 10**9, stamp_ns % 10**9)
            stamped = types["std_msgs/msg/Header"](seq=3, stamp=stamp, frame_id="cam")
            message = types["sensor_msgs/msg/Image"](stamped, 24, 32, "bgr8", 0, 96, image.ravel())
            writer.write(connection, stamp_ns, store.serialize_ros1(message, "sensor_msgs/msg/Image"))
    frames, problem = read(tmp_path / "old.bag")
    assert problem == "" and [f.stamp_ns for f in frames] == stamps(4)
    np.testing.assert_array_equal(frames[2].image(), IMAGES[2])


def test_compressed(save_bag):
    data = cv2.imencode(".png", IMAGES[0])[1].ravel()
    message = messages().CompressedImage(header=header(5, "cam"), format="bgr8; png compressed bgr8", data=data)
    path = save_bag("bag", [], [], more=[("/camera/compressed", message, 5)])
    frames, _ = read(path, "/camera/compressed")
    np.testing.assert_array_equal(frames[0].image(), IMAGES[0])


def test_an_image_without_stamp_gets_the_time_of_recording(tmp_path):
    with Writer(tmp_path / "bag", version=8) as writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
        writer.write(connection, 77, serialized(image_message(IMAGES[0], 0)))
    (frame,), _ = read(tmp_path / "bag")
    assert (frame.stamp_ns, frame.recorded_ns, frame.has_stamp) == (77, 77, False)


def test_an_unknown_encoding_is_the_frames_fault_alone(save_bag):
    message = image_message(IMAGES[0], 5)
    message.encoding = "32FC1"
    (frame,), problem = read(save_bag("bag", [], [], more=[(TOPIC, message, 5)]))
    with pytest.raises(FrameError, match="32FC1"):
        frame.image()
    assert problem == ""


def camera_info(stamp_ns):
    return messages().CameraInfo(header=header(stamp_ns, "cam"))


def test_which_topic(save_bag):
    two = save_bag("two", [5], IMAGES, more=[("/left", image_message(IMAGES[1], 6), 6), ("/info", camera_info(5), 5)])
    none = save_bag("none", [], [], more=[("/info", camera_info(5), 5)])
    with Bag(two) as bag:
        assert image_topic(bag, "/left") == "/left"
        with pytest.raises(DataError, match="expected --topic, .*, got /camera/image_raw, /left"):
            image_topic(bag, None)
        with pytest.raises(DataError, match="expected images on /info, .* are: /camera/image_raw, /left"):
            image_topic(bag, "/info")
    with Bag(none) as bag, pytest.raises(DataError, match="images, got none"):
        image_topic(bag, None)
    with Bag(save_bag("one", [5], IMAGES)) as bag:
        assert image_topic(bag, None) == TOPIC


def depth_image(stamp_ns, encoding):
    message = image_message(IMAGES[0], stamp_ns)
    message.encoding = encoding
    return message


def compressed_image(form):
    return messages().CompressedImage(header=header(5, "cam"), format=form, data=np.zeros(9, np.uint8))


@pytest.mark.parametrize(
    "topic, message",
    [
        ("/depth/image_raw", depth_image(5, "16UC1")),
        ("/points", depth_image(5, "32FC1")),
        ("/depth/image_raw", depth_image(5, "mono16")),
        ("/depth/compressedDepth", compressed_image("16UC1; compressedDepth png")),
        ("/depth/compressed", compressed_image("16UC1; png compressed ")),
    ],
)
def test_depth_topics_do_not_count(save_bag, topic, message):
    with Bag(save_bag("bag", [5], IMAGES, more=[(topic, message, 5)])) as bag:
        assert image_topic(bag, None) == TOPIC and image_topic(bag, topic) == topic
    with Bag(save_bag("depth", [], [], more=[(topic, message, 5)])) as bag:
        with pytest.raises(DataError, match=f"or one topic with images, got none; with depth: {topic}"):
            image_topic(bag, None)


def test_colour_images_count_whatever_their_topic_is_called(save_bag):
    path = save_bag("bag", [], [], more=[("/deep_depth", image_message(IMAGES[0], 5), 5)])
    with Bag(path) as bag:
        assert image_topic(bag, None) == "/deep_depth"


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_topics_without_messages_do_not_count(tmp_path, storage):
    with Writer(tmp_path / "bag", version=8, storage_plugin=storage) as writer:
        empty, full = (
            writer.add_connection(topic, "sensor_msgs/msg/Image", typestore=typestore()) for topic in ("/a", TOPIC)
        )
        writer.write(full, 5, serialized(image_message(IMAGES[0], 5)))
    with Bag(tmp_path / "bag") as bag:
        assert image_topic(bag, None) == TOPIC and image_topic(bag, "/a") == "/a"
        with pytest.raises(DataError, match=f"{TOPIC}; without messages: /a$"):
            image_topic(bag, "/none")


def old_types(path):
    """Change a bag of sqlite3 to what tools of 2019 wrote: types without /msg/, no definitions."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE topics SET type = replace(type, '/msg/', '/')")
    connection.execute("DELETE FROM message_definitions")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("metadata", [True, False])
def test_types_without_msg(save_bag, stamps, metadata):
    path = save_bag("bag", stamps(4), IMAGES)
    old_types(path / "bag.db3")
    text = (path / "metadata.yaml").read_text()
    (path / "metadata.yaml").write_text(text.replace("sensor_msgs/msg/Image", "sensor_msgs/Image"))
    if not metadata:
        (path / "metadata.yaml").unlink()
    with Bag(path) as bag:
        assert image_topic(bag, None) == TOPIC
        np.testing.assert_array_equal([frame.image() for frame in bag.read(TOPIC)], IMAGES)
        assert bag.problem == "" or not metadata


@pytest.mark.parametrize("recorded_ns, stamp_ns", [(5, -(2**31) * 10**9 + 1), (5, 10**9), (2**62, 10**9), (2**62, 0)])
def test_times_that_no_message_can_hold(tmp_path, recorded_ns, stamp_ns):
    with Writer(tmp_path / "bag", version=8) as writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
        writer.write(connection, recorded_ns, serialized(image_message(IMAGES[0], stamp_ns)))
    (frame,), problem = read(tmp_path / "bag")
    assert problem == ""
    if recorded_ns == 5:
        assert frame.image().shape == (24, 32, 3)
    else:
        with pytest.raises(FrameError, match="expected a stamp of 32 bits of seconds"):
            frame.image()


def test_definitions_that_nobody_knows(tmp_path):
    """They are no obstacle on other topics; on the topic itself it says so."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg("std_msgs/Header header\nint32 x", "own_msgs/msg/Thing"))
    thing = store.types["own_msgs/msg/Thing"](header(5, ""), 7)
    with Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        odd = writer.add_connection("/odd", "own_msgs/msg/Thing", msgdef="no_such/Type ?!", rihs01="RIHS01_0")
        writer.write(odd, 5, bytes(store.serialize_cdr(thing, "own_msgs/msg/Thing")))
        good = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
        writer.write(good, 6, serialized(image_message(IMAGES[0], 6)))
    frames, problem = read(tmp_path / "bag")
    assert len(frames) == 1 and problem == ""
    with pytest.raises(DataError, match="cannot read the bag's definition of own_msgs/msg/Thing"):
        read(tmp_path / "bag", "/odd")


def test_own_definitions_in_the_bag(tmp_path):
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg("std_msgs/Header header\nint32 x", "own_msgs/msg/Thing"))
    with Writer(tmp_path / "bag", version=8) as writer:
        connection = writer.add_connection("/thing", "own_msgs/msg/Thing", typestore=store)
        thing = store.types["own_msgs/msg/Thing"](header(5, ""), 7)
        writer.write(connection, 5, bytes(store.serialize_cdr(thing, "own_msgs/msg/Thing")))
    (entry,), _ = read(tmp_path / "bag", "/thing")
    assert entry.message.x == 7


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_without_metadata(save_bag, stamps, storage):
    path = save_bag("bag", stamps(4), IMAGES, storage)
    (path / "metadata.yaml").unlink()
    frames, problem = read(path)
    assert len(frames) == 4 and "metadata.yaml is missing" in problem


def test_a_cut_mcap_in_a_folder_gives_its_whole_chunks(save_bag, stamps):
    images = np.random.default_rng(0).integers(0, 255, (5, 320, 320, 3), dtype=np.uint8)
    path = save_bag("bag", stamps(5), images, "mcap")
    data = (path / "bag.mcap").read_bytes()
    (path / "bag.mcap").write_bytes(data[:-2000])
    frames, problem = read(path)
    assert len(frames) == 4 and problem == "bag.mcap is cut short"
    np.testing.assert_array_equal(frames[3].image(), images[3])


def test_messages_waiting_in_sqlites_log_are_told_of(save_bag, stamps):
    path = save_bag("bag", stamps(4), IMAGES)
    (path / "metadata.yaml").unlink()
    (path / "bag.db3-wal").write_bytes(b"x")
    frames, problem = read(path)
    assert len(frames) == 4 and "bag.db3-wal has messages that are not yet in bag.db3" in problem


@pytest.mark.parametrize("storage, name", [("sqlite3", "bag.db3"), ("mcap", "bag.mcap")])
def test_damage_anywhere_is_never_a_traceback(save_bag, stamps, storage, name):
    """Cut at, and a kilobyte of rubbish written over, 12 places."""
    whole = save_bag("bag", stamps(4), IMAGES, storage)
    data = (whole / name).read_bytes()
    outcomes = set()
    for place in np.linspace(0, len(data) - 1, 12).astype(int):
        for damaged in (data[:place], data[:place] + b"\x93" * 1000 + data[place + 1000 :]):
            (whole / name).write_bytes(damaged)
            try:
                frames, problem = read(whole)
                assert problem or len(frames) == 4
                outcomes.add("partial" if problem else "whole")
            except DataError as error:
                assert str(whole) in str(error)
                outcomes.add("refused")
    assert {"refused", "partial" if storage == "mcap" else "whole"} <= outcomes


@pytest.mark.parametrize(
    "content", [{}, {"metadata.yaml": "a: ["}, {"metadata.yaml": ""}, {"x.mcap": ""}, {"x.db3": "?"}]
)
def test_what_is_no_bag(tmp_path, content):
    (tmp_path / "bag").mkdir()
    for name, text in content.items():
        (tmp_path / "bag" / name).write_text(text)
    with pytest.raises(DataError, match="cannot read the bag"):
        Bag(tmp_path / "bag")


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match="expected a bag .* which does not exist"):
        Bag(tmp_path / "none")


def test_split_files_are_one_recording(save_bag, stamps, tmp_path):
    """Without metadata the parts of a split recording are read one after the other in order of time."""
    late, early = save_bag("late", stamps(4)[2:], IMAGES[2:]), save_bag("early", stamps(4)[:2], IMAGES)
    (tmp_path / "split").mkdir()
    shutil.copy(late / "late.db3", tmp_path / "split" / "a.db3")
    shutil.copy(early / "early.db3", tmp_path / "split" / "b.db3")
    frames, _ = read(tmp_path / "split")
    assert [f.stamp_ns for f in frames] == stamps(4)
