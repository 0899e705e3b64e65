import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.inference import video
from pose_estimation_ros.inference.video import Source, VideoWriter, open_source, read_image


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
        ("none.mp4", None, "expected an image, a folder, a video or a camera index, there is no .*none.mp4"),
        ("none.jpg", None, "expected an image .*none.jpg, there is none"),
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


def test_a_folder_without_images(tmp_path):
    with pytest.raises(DataError, match="expected images .*got none"):
        open_source(str(tmp_path))


def test_a_camera_that_is_not_there():
    with pytest.raises(DataError, match="cannot open the camera 99"):
        open_source("99")


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
    """Gives these images, and knows neither its rate nor its length."""

    def __init__(self, *images):
        self.images = list(images)

    def get(self, _property):
        return 0.0

    def read(self):
        return (True, self.images.pop(0)) if self.images else (False, None)


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
        with pytest.raises(DataError, match="out.mp4: disk full: expected 32 MB free, there are 1.0"):
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
