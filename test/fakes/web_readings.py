"""Make messages and readings as web_view gets them."""

from types import SimpleNamespace as Fields

JPEG = b"\xff\xd8\xff picture %d"


def header(stamp_s=1, frame_id="camera"):
    return Fields(stamp=Fields(sec=stamp_s, nanosec=5), frame_id=frame_id)


def person(track_id=1, state=2, score=0.9):
    return Fields(track_id=track_id, state=state, score=score)


def person_array(*persons, age_ms=40.0, stamp_s=1):
    timing = Fields(total_ms=age_ms)
    return Fields(
        header=header(stamp_s),
        image_width=640,
        image_height=480,
        skeleton="coco17",
        timing=timing,
        persons=list(persons),
    )


def person_3d(track_id=1, position=(0.0, 0.0, 2.0), velocity=(0.5, 0.0, 0.0), source=1):
    vectors = [Fields(x=x, y=y, z=z) for x, y, z in (position, velocity)]
    return Fields(track_id=track_id, position=vectors[0], velocity=vectors[1], position_source=source)


def person_array_3d(*persons, stamp_s=1):
    return Fields(header=header(stamp_s, "base"), persons=list(persons))


def diagnostic_status(name, level=b"\0", message="OK", hardware_id="", **values):
    pairs = [Fields(key=key, value=value) for key, value in values.items()]
    return Fields(name=name, level=level, message=message, hardware_id=hardware_id, values=pairs)


def camera_status(node="pose_node", topic="/image", level=b"\0", message="OK"):
    return diagnostic_status("%s: Camera %s" % (node, topic), level, message, image_topic=topic, rate_out_hz="5.00")
