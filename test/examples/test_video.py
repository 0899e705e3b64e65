import json

from pose_estimation_ros.imaging.video import open_source


def test_people_keep_their_ids_and_every_frame_is_written(run_example, clip, tmp_path):
    printed = run_example("video.py", clip, "out.mp4", "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    with open_source(clip) as source, open_source(str(tmp_path / "out.mp4")) as drawn:
        times = [frame.time_s for frame in source]
        assert len(list(drawn)) == len(times) == len(lines)
    assert [line["time_s"] for line in lines] == times and {line["skeleton"] for line in lines} == {"coco17"}
    ids = [{person["track_id"] for person in line["people"]} for line in lines]
    assert len(ids[0] & ids[-1]) >= 2 and None not in set.union(*ids)
    assert printed == "%d people in %d frames\n" % (len(set.union(*ids)), len(lines))
