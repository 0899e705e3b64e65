import os
import shutil
import socket
import struct
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.imaging import video
from pose_estimation_ros.imaging.video import Source, VideoWriter, open_source, read_image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def grey(level, size=(48, 64)):
    return np.full(size + (3,), level, np.uint8)


@pytest.fixture
def clip(tmp_path):
    """Ten frames at 5 a second, each 20 levels brighter."""
    writer = VideoWriter(str(tmp_path / "clip.mp4"), 5)
    for index in range(10):
        writer.write(grey(20 * index))
    writer.close()
    return str(tmp_path / "clip.mp4")


def test_a_video_comes_back_frame_by_frame(clip):
    with open_source(clip) as source:
        assert (source.kind, source.fps, source.length) == ("video", 5, 10)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(10))
    assert np.allclose([frame.time_s for frame in frames], 0.2 * np.arange(10))
    assert [abs(frame.image.mean() - 20 * frame.index) < 8 for frame in frames] == [True] * 10
    assert frames[0].image.shape == (48, 64, 3)


def test_an_image(tmp_path):
    path = str(tmp_path / "a.png")
    cv2.imwrite(path, grey(7))
    with open_source(path) as source:
        frames = list(source)
    assert (source.kind, source.length) == ("image", 1)
    assert (frames[0].image == 7).all() and (frames[0].index, frames[0].path) == (0, path)


def test_a_grey_image_has_three_channels(tmp_path):
    path = str(tmp_path / "a.png")
    cv2.imwrite(path, np.full((4, 5), 9, np.uint8))
    assert read_image(path).shape == (4, 5, 3)


def test_a_folder_gives_its_images_in_order_of_their_names(tmp_path):
    for name, level in (("b.jpg", 100), ("a.PNG", 50), ("c.bmp", 200)):
        cv2.imwrite(str(tmp_path / name), grey(level))
    (tmp_path / "notes.txt").write_text("no image")
    with open_source(str(tmp_path)) as source:
        frames = list(source)
    assert source.kind == "folder" and source.length == 3
    assert [os.path.basename(frame.path) for frame in frames] == ["a.PNG", "b.jpg", "c.bmp"]
    assert [int(round(frame.image.mean())) for frame in frames] == [50, 100, 200]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("none.mp4", None, "expected an image, a folder of images, a video, .*none.mp4 does not exist"),
        ("none.jpg", None, "expected an image, .*none.jpg does not exist"),
        ("none%04d.png", None, "expected an image, .*none%04d.png does not exist"),
        ("n" * 300, None, "expected an image, .* too long"),
        ("a\0b", None, "expected an image, .*, got the name '.*a\\\\x00b'"),
        ("empty.jpg", b"", "empty.jpg: expected an image, got 0 bytes"),
        ("broken.png", b"\x89PNG\r\n but no more", "broken.png: expected an image, got 18 bytes"),
        ("broken.mp4", b"no video at all", "cannot open the video .*broken.mp4"),
        ("empty.avi", b"", "cannot open the video .*empty.avi"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_source(str(path))


def test_what_is_no_image_of_a_folder(tmp_path):
    for name in ("._a.jpg", ".hidden.png", "Thumbs.db", "a.jpg"):
        (tmp_path / name).write_bytes(cv2.imencode(".png", grey(9))[1].tobytes())
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(str(tmp_path / "pipe.jpg"))
    with open_source(str(tmp_path)) as source:
        assert [os.path.basename(frame.path) for frame in source] == ["a.jpg"] and source.unreadable == []


def test_a_bad_image_of_a_folder_is_left_out_and_counted(tmp_path):
    for name in ("a.png", "d.png"):
        cv2.imwrite(str(tmp_path / name), grey(9))
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.png").symlink_to(tmp_path / "gone.png")
    with open_source(str(tmp_path)) as source:
        frames = list(source)
    assert [(frame.index, os.path.basename(frame.path)) for frame in frames] == [(0, "a.png"), (3, "d.png")]
    assert [name in text for name, text in zip(("b.png", "c.png"), source.unreadable)] == [True, True]


def test_a_folder_of_bad_images_alone(tmp_path):
    (tmp_path / "b.png").write_bytes(b"")
    expected = "no image can be read; the first: .*b.png"
    with open_source(str(tmp_path)) as source, pytest.raises(DataError, match=expected):
        list(source)


def test_a_folder_without_images(tmp_path):
    with pytest.raises(DataError, match="expected images .*got none"):
        open_source(str(tmp_path))


@pytest.mark.parametrize(
    "name, message",
    [
        ("", "expected an image, .*, got the name ''"),
        ("~nobody-here/x.mp4", "~nobody-here/x.mp4 does not exist"),
        ("~/no/x.mp4", "%s/no/x.mp4 does not exist" % os.path.expanduser("~")),
        ("99", "cannot open the camera 99; (this machine has no camera|cameras of this machine: )"),
        ("100", r"expected the index of a camera in 0..99, got 100"),
        ("1" * 30, r"expected the index of a camera in 0..99, got 1{20}$"),
        ("-1", "-1 does not exist"),
        ("1\u00b2", "1\u00b2 does not exist"),
        ("/dev/video98", "/dev/video98 does not exist; (this machine has no camera|cameras of this machine: )"),
        ("/dev/null", "cannot open the camera /dev/null; (this machine has no camera|cameras of this machine: )"),
        ("/dev/zero", "cannot open the camera /dev/zero"),
        ("rtsp://me:secret@127.0.0.1:9/x", "cannot open the stream rtsp://127.0.0.1:9/x"),
        ("http://127.0.0.1:9/a.mp4", "cannot open the stream http://127.0.0.1:9/a.mp4"),
        ("HTTPS://127.0.0.1:9/a.jpg", "cannot open the stream HTTPS://127.0.0.1:9/a.jpg"),
        ("http://", "http:// does not exist"),
    ],
)
def test_a_source_that_is_not_there(name, message):
    with pytest.raises(DataError, match=message):
        open_source(name)


def test_neither_opencv_nor_ffmpeg_speaks_for_itself():
    """In a process of its own, since FFmpeg's level is read once, where a program first opens or writes a video."""
    names = ["/dev/null", "/dev/zero", "rtsp://127.0.0.1:9/x", "http://127.0.0.1:9/a.mp4", "HTTPS://127.0.0.1:9/a.jpg"]
    lines = [
        "from pose_estimation_ros.core.errors import DataError",
        "from pose_estimation_ros.imaging.video import open_source",
        "for name in %r:" % names,
        "    try:",
        "        open_source(name)",
        "    except DataError as error:",
        "        print(error)",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    stdout, stderr = process.communicate()
    assert stderr == b"" and len(stdout.splitlines()) == len(names), stdout


def test_a_pipe_and_a_socket_are_refused_before_anything_waits_for_them(tmp_path):
    os.mkfifo(str(tmp_path / "a.mp4"))
    os.mkfifo(str(tmp_path / "a.jpg"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        for name, kind in (("a.mp4", "named pipe"), ("a.jpg", "named pipe"), ("s", "socket")):
            with pytest.raises(DataError, match="%s: expected an image, .*, got a %s" % (name, kind)):
                open_source(str(tmp_path / name))


NOT_UTF8 = os.fsdecode(b"b\xff")


def test_names_that_are_not_utf8(tmp_path, clip):
    """OpenCV 5 crashes at them."""
    folder = tmp_path / NOT_UTF8
    folder.mkdir()
    shutil.copy(clip, str(folder / "v.mp4"))
    (folder / (NOT_UTF8 + ".png")).write_bytes(cv2.imencode(".png", grey(9))[1].tobytes())
    assert [int(frame.image.mean()) for frame in open_source(str(folder))] == [9]
    for call in (open_source, lambda path: VideoWriter(path, 10)):
        with pytest.raises(DataError, match=r"expected the name of a video in UTF-8, got '.*b\\udcff/v\..*mp4'"):
            call(str(folder / "v.mp4"))


def test_a_name_of_digits_that_exists_is_a_file(clip, tmp_path, monkeypatch):
    shutil.copy(clip, str(tmp_path / "7"))
    monkeypatch.chdir(tmp_path)
    with open_source("7") as source:
        assert source.kind == "video" and len(list(source)) == 10


@pytest.mark.parametrize("index", [7, 100, -1])
def test_an_int_is_a_camera_even_beside_a_file_of_that_name(clip, tmp_path, monkeypatch, index):
    shutil.copy(clip, str(tmp_path / str(index)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_estimation_ros.imaging.video._open_capture", lambda kind, name, source: None)
    if 0 <= index < 100:
        with open_source(index) as source:
            assert (source.kind, source.name) == ("camera", str(index))
    else:
        with pytest.raises(DataError, match=r"expected the index of a camera in 0..99, got %d" % index):
            open_source(index)


def test_a_name_like_a_protocol_of_ffmpeg_is_a_file(clip, tmp_path, monkeypatch):
    shutil.copy(clip, str(tmp_path / "concat:a.mp4"))
    monkeypatch.chdir(tmp_path)
    with open_source("concat:a.mp4") as source:
        assert len(list(source)) == 10


@pytest.mark.parametrize(
    "pattern, levels",
    [("img_%04d.png", [30, 40, 50]), ("img_%d.png", [60]), ("%d.png", [70]), ("img_%04d.jpg", None), ("%d%d", None)],
)
def test_the_images_of_a_pattern_come_in_order_of_their_numbers(tmp_path, pattern, levels):
    names = {"img_0002.png": 30, "img_0010.png": 40, "img_12345.png": 50, "img_7.png": 60, "7.png": 70, "img_x.png": 80}
    for name, level in names.items():
        cv2.imwrite(str(tmp_path / name), grey(level))
    if pattern == "img_%d.png":
        levels = [60, 50]  # 12345 has as many digits as it needs, with both patterns
    if levels is None:
        with pytest.raises(DataError, match="does not exist"):
            open_source(str(tmp_path / pattern))
    else:
        with open_source(str(tmp_path / pattern)) as source:
            assert source.kind == "folder" and [int(frame.image.mean()) for frame in source] == levels


def with_steps(path, steps_ms):
    """Write the times of its frames into an mp4 by OpenCV: one step to the next frame each, the last one's length too.

    Its moov box comes last, so that it may grow: the table stts and all boxes around it become longer.
    """
    with open(path, "rb") as file:
        content = file.read().replace(b"edts", b"free")  # the list of edits says how long all of it is
    at = content.index(b"stts") - 4
    (old,) = struct.unpack(">I", content[at : at + 4])
    scale = struct.unpack(">I", content[content.index(b"mdhd") + 16 :][:4])[0]
    table = b"".join(struct.pack(">II", 1, step * scale // 1000) for step in steps_ms)
    box = struct.pack(">I4sII", 16 + len(table), b"stts", 0, len(steps_ms)) + table
    content = bytearray(content[:at] + box + content[at + old :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = content.index(name) - 4
        (size,) = struct.unpack(">I", content[start : start + 4])
        content[start : start + 4] = struct.pack(">I", size + len(box) - old)
    with open(path, "wb") as file:
        file.write(content)


def test_the_times_of_frames_are_the_containers(clip):
    steps = [100] * 5 + [500, 40, 1000, 500, 500]
    with_steps(clip, steps)
    with open_source(clip) as source:
        times = [frame.time_s for frame in source]
    assert np.allclose(times, np.cumsum([0] + steps[:-1]) / 1e3, atol=1e-3)


def test_a_video_cut_short_ends_or_is_refused_but_does_not_crash(clip):
    with open(clip, "rb") as file:
        content = file.read()
    with open(clip, "wb") as file:
        file.write(content[: len(content) // 2])
    try:
        with open_source(clip) as source:
            assert 0 < len(list(source)) <= 10
    except DataError as error:
        assert clip in str(error)


class FakeCapture:
    """Gives these images, and knows neither its rate nor its length; times_ms: of the images, one after the other."""

    def __init__(self, *images, times_ms=()):
        self.images, self.times_ms, self.count = list(images), list(times_ms), 0

    def get(self, prop):
        at = self.count - 1
        return self.times_ms[at] if prop == cv2.CAP_PROP_POS_MSEC and at < len(self.times_ms) else 0.0

    def read(self):
        self.count += 1
        return (True, self.images.pop(0)) if self.images else (False, None)


@pytest.mark.parametrize(
    "times_ms, times_s",
    [
        ([0, 100, 600], [0, 0.1, 0.6]),
        ([1e6, 1e6 + 100, 1e6 + 600], [0, 0.1, 0.6]),
        ([0, 0, 0], [0, 1 / 30.0, 2 / 30.0]),
        ([-1, -1, -1], [0, 1 / 30.0, 2 / 30.0]),
        ([0, 500, 100], [0, 0.5, 0.5 + 1 / 30.0]),
        ([float("nan")] * 3, [0, 1 / 30.0, 2 / 30.0]),
        ([0, float("inf"), 200], [0, 1 / 30.0, 0.2]),
    ],
)
def test_times_that_do_not_grow_go_on_by_the_rate(times_ms, times_s):
    frames = list(Source("video", "v", capture=FakeCapture(*[grey(1)] * 3, times_ms=times_ms)))
    assert np.allclose([frame.time_s for frame in frames], times_s)


def test_a_video_without_frames_is_an_error():
    source = Source("video", "empty.mp4", capture=FakeCapture())
    assert source.length is None and source.fps == 30
    with pytest.raises(DataError, match="empty.mp4: expected a video with frames, got none"):
        list(source)


@pytest.mark.parametrize("kind, times", [("video", [0, 1 / 30.0, 2 / 30.0]), ("camera", [0.5, 1.5, 4.0])])
def test_a_cameras_time_is_the_clocks_and_a_videos_its_own(monkeypatch, kind, times):
    clock = iter([100.0, 100.5, 101.5, 104.0])
    monkeypatch.setattr(video.time, "monotonic", lambda: next(clock))
    frames = list(Source(kind, "0", capture=FakeCapture(*[grey(1)] * 3)))
    assert np.allclose([frame.time_s for frame in frames], times)


def test_a_grey_camera_gives_three_channels():
    frames = list(Source("camera", "0", capture=FakeCapture(np.full((4, 5), 9, np.uint8))))
    assert frames[0].image.shape == (4, 5, 3) and (frames[0].image == 9).all()


def test_the_file_appears_only_when_it_is_finished(tmp_path):
    path = tmp_path / "out.mp4"
    writer = VideoWriter(str(path), 10)
    writer.write(grey(0))
    assert not path.exists()
    writer.close()
    writer.close()
    assert path.stat().st_size > 0 and os.listdir(str(tmp_path)) == ["out.mp4"]


def test_no_frame_no_file(tmp_path):
    VideoWriter(str(tmp_path / "out.mp4"), 10).close()
    assert os.listdir(str(tmp_path)) == []


def test_a_frame_of_another_size(tmp_path):
    writer = VideoWriter(str(tmp_path / "out.mp4"), 10)
    writer.write(grey(0))
    with pytest.raises(DataError, match=r"expected frames of shape \(48, 64, 3\), got \(64, 48, 3\)"):
        writer.write(grey(0, (64, 48)))
    writer.close()


@pytest.mark.parametrize(
    "path, why", [("file/out.mp4", "cannot write .*: File exists"), ("a.txt", "cannot write a video")]
)
def test_where_no_video_can_be_written(tmp_path, path, why):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=why):
        VideoWriter(str(tmp_path / path), 10).write(grey(0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_ends_the_video_and_what_was_written_can_be_played(tmp_path, monkeypatch):
    """OpenCV itself says nothing, and leaves a file without an end."""
    free = [10**9] * 4 + [10**6] * 2
    monkeypatch.setattr(video.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free.pop(0)))
    path = tmp_path / "out.mp4"
    writer = VideoWriter(str(path), 10)
    for _ in range(4):
        writer.write(grey(5))
    for _ in range(2):
        with pytest.raises(DataError, match="out.mp4: disk full: expected 32 MB free, got 1.0"):
            writer.write(grey(5))
    writer.close()
    assert [str(entry) for entry in tmp_path.iterdir()] == [str(path)]
    with open_source(str(path)) as source:
        assert len(list(source)) == 4


def test_a_file_that_became_no_video_does_not_take_the_place_of_a_good_one(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an older one")
    writer = VideoWriter(str(path), 10)
    writer.write(grey(0))
    writer._writer.release()
    with open(writer._file.name, "wb") as file:
        file.write(b"cut off")
    with pytest.raises(DataError, match="out.mp4 could not be finished"):
        writer.close()
    assert path.read_bytes() == b"an older one" and [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]
