"""Draw the pictures of the model cards in docs/cards: training curves, and a model's worst results.

    card_pictures.py curve OUT.svg RUN ...             # runs/NAME, one after the other
    card_pictures.py poses OUT.jpg RESULTS.json        # NAME_results.json, written by `pose evaluate`
    card_pictures.py boxes OUT.jpg RESULTS.json --score 0.45
    card_pictures.py frames OUT.jpg                    # the demo's clip, default model and detector
    card_pictures.py demo docs/images/demo.jpg                # two frames of it at full size, for README

The commands poses and boxes show the people and images with the worst results in the half of the data for choosing
models. They leave out the photographs, whose licences do not allow us to publish them; --photographs shows them.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import yaml
from matplotlib import rc_context
from matplotlib.figure import Figure

from pose_estimation_ros.core.atomic_files import read_json, write_whole
from pose_estimation_ros.core.colors import MIDDLE, side_colors
from pose_estimation_ros.core.poses import joined
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import SKELETON, load_ground_truth
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.evaluation.metrics.matches import match, people_of
from pose_estimation_ros.evaluation.splits import select_half
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.imaging.images import read_image
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "coco_val"
HALF = "choose"
PANEL, COLUMNS, GREY = 150, 8, 225
ANNOTATED, FOUND, FALSE = (120, 120, 120), (60, 160, 60), (60, 60, 220)  # BGR
MIN_AREA, MIN_LABELLED = 64**2, 8  # people are shown from this area (px^2) and number of labelled joints on


def curve(out, runs):
    """Plot the metric and the losses of the holdout crops against the number of training samples, over all runs.

    Args:
        out: Path of the picture, such as curve.svg.
        runs: Folders of training runs, the first one first.
    """
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    metric, loss = figure.subplots(1, 2)
    samples_before = 0
    for run in map(Path, runs):
        log = read_log(run / "log.csv")
        samples = samples_before + log["epoch"] * yaml.safe_load((run / "recipe.yaml").read_text())["epoch_samples"]
        name = next(key for key in log if key in ("holdout_pck", "holdout_recall"))
        (line,) = metric.plot(samples / 1000, log[name], label=run.name)
        loss.plot(samples / 1000, log["holdout_loss"], color=line.get_color())
        loss.plot(samples / 1000, log["train_loss"], color=line.get_color(), linestyle=":")
        samples_before = samples[-1]
    metric.set_ylabel(name.replace("_", " "))
    loss.set_ylabel("loss: holdout, training dotted")
    for axes in (metric, loss):
        axes.set_xlabel("thousand samples seen")
        axes.grid(True, color="#dddddd", linewidth=0.6)
    metric.legend(fontsize=7)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "curve"}):
        figure.savefig(out, metadata={"Date": None} if out.endswith(".svg") else None)


def read_log(path):
    """Read a log.csv as {column: values (epochs,)}."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def poses(out, file, photographs, data=DATA):
    """Draw pairs of panels, annotated and predicted, for the people with the lowest OKS.

    Args:
        out: Path of the picture.
        file: Results of `pose evaluate`, in COCO's format.
        photographs: Whether to show the photographs, in place of grey.
        data: Folder of the images and annotations.
    """
    truth, skeleton = select_half(load_ground_truth(data), HALF), get_skeleton(SKELETON)
    people, results = people_of(truth), [r for r in read_json(file) if r["image_id"] in truth.imgs]
    _, matches = match(truth, people, results, skeleton)
    shown = (people.area >= MIN_AREA) & (people.labelled.sum(1) >= MIN_LABELLED) & (matches.predicted_id > 0)
    order = [p for p in np.argsort(matches.oks) if shown[p]]
    panels = []
    for person in order[: 2 * COLUMNS]:
        frame = picture(truth.imgs[people.image_id[person]], photographs, data)
        window = square(people.box_xyxy[person])
        keypoints = people.keypoints[person]
        predicted = np.c_[matches.predicted_xy[person], keypoints[:, 2] > 0]  # OKS asks for annotated joints alone
        panels.append(person_panel(frame, window, keypoints, skeleton, "annotated"))
        panels.append(person_panel(frame, window, predicted, skeleton, f"OKS {matches.oks[person]:.2f}"))
    save(out, sheet(panels, COLUMNS))


def square(box_xyxy):
    """Return left, top and side in px of the square around a box (x1, y1, x2, y2), a quarter larger than the box."""
    (x1, y1, x2, y2), side = box_xyxy, 1.25 * (box_xyxy[2:] - box_xyxy[:2]).max()
    return (x1 + x2 - side) / 2, (y1 + y2 - side) / 2, side


def person_panel(frame, window, keypoints, skeleton, label):
    """Draw one person and a label.

    Args:
        frame: (H, W, 3) uint8 image.
        window: Left, top and side of the square to show, px of the frame.
        keypoints: (K, 3) x, y in px of the frame, and a number above 0 where the joint is drawn.
        skeleton: The Skeleton of the keypoints.
        label: Text at the bottom of the panel.

    Returns:
        The panel, (PANEL, PANEL, 3) uint8.
    """
    x, y, side = window
    scale = PANEL / side
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    panel = cv2.warpAffine(frame, matrix, (PANEL, PANEL), flags=cv2.INTER_AREA, borderValue=(GREY,) * 3)
    moved, colors = ((keypoints[:, :2] - (x, y)) * scale).round().astype(int).tolist(), side_colors(skeleton)
    for a, b in skeleton.links:
        if min(keypoints[[a, b], 2]) > 0:
            cv2.line(panel, tuple(moved[a]), tuple(moved[b]), link_color(colors[a], colors[b]), 2, cv2.LINE_AA)
    cv2.putText(panel, label, (3, PANEL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return panel


def link_color(start, end):
    """Return the colour of a link: that of its ends if they share one, else the colour of the body's axis."""
    return start if start == end else MIDDLE


def boxes(out, file, score, photographs, data=DATA):
    """Draw the images in which most people were missed: annotations in grey, found people in green, false ones in red.

    Args:
        out: Path of the picture.
        file: Results of `pose evaluate` for a detector.
        score: Boxes with a lower score are left out.
        photographs: Whether to show the photographs, in place of grey.
        data: Folder of the images and annotations.
    """
    truths = detection.load_truth(data / "person_keypoints.json", half=HALF)
    images = {image["file_name"]: image for image in load_ground_truth(data).dataset["images"]}
    detections = {truth.file_name: [] for truth in truths}
    for r in read_json(file):
        if r["score"] >= score and r["file_name"] in detections:
            detections[r["file_name"]].append((*r["box_xyxy"], r["score"]))
    pairs = [(truth, np.array(detections[truth.file_name]).reshape(-1, 5)) for truth in truths]
    missed = [
        truth.counted.sum() - detection.match(detected[:, :4], detected[:, 4], truth)[0].sum()
        for truth, detected in pairs
    ]
    worst = np.argsort(-np.array(missed), kind="stable")[: 2 * COLUMNS]
    panels = [boxes_panel(picture(images[pairs[i][0].file_name], photographs, data), *pairs[i]) for i in worst]
    save(out, sheet(panels, COLUMNS))


def boxes_panel(frame, truth, detections):
    """Draw annotated and detected boxes of one image; annotations that must be found have thick lines.

    Args:
        frame: (H, W, 3) uint8 image.
        truth: The detection.Truth of the image.
        detections: (D, 5) x1, y1, x2, y2 in px and score.

    Returns:
        The panel, (PANEL, PANEL, 3) uint8.
    """
    scale = PANEL / max(frame.shape[:2])
    panel = np.full((PANEL, PANEL, 3), 255, np.uint8)
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    panel[: small.shape[0], : small.shape[1]] = small
    _, false = detection.match(detections[:, :4], detections[:, 4], truth)
    drawn = [(box, ANNOTATED, 1 + counted) for box, counted in zip(truth.box_xyxy, truth.counted, strict=True)]
    drawn += [(b, FALSE if is_false else FOUND, 1) for b, is_false in zip(detections[:, :4], false, strict=True)]
    for box, color, width in drawn:
        x1, y1, x2, y2 = (scale * box).round().astype(int).tolist()
        cv2.rectangle(panel, (x1, y1), (x2, y2), color, width, cv2.LINE_AA)
    return panel


def frames(out, every=25, columns=3, width=300):
    """Draw frames of the demo's clip with the poses that the node finds.

    Args:
        out: Path of the picture.
        every: Step from one frame shown to the next.
        columns: Frames per row.
        width: Width of a frame in the picture, px.
    """
    panels = []
    with build_pipeline(PipelineOptions(threads=1)) as pipeline:
        for frame in open_source(str(ROOT / "test" / "data" / "pedestrians.mp4")):
            poses = pipeline(frame.image, frame.time_s)
            if frame.index % every == every - 1:
                drawn = draw_poses(frame.image, poses, pipeline.skeleton, "track")
                panels.append(cv2.resize(drawn, (width, width * 3 // 4), interpolation=cv2.INTER_AREA))
    save(out, sheet(panels, columns))


def demo(out, shown=(60, 124)):
    """Draw two frames of the demo's clip beside each other, as in the video of the demo.

    Args:
        out: Path of the picture.
        shown: Indices of the frames.
    """
    panels = []
    with build_pipeline(PipelineOptions(threads=1)) as pipeline:
        for frame in open_source(str(ROOT / "test" / "data" / "pedestrians.mp4")):
            people = joined(pipeline(frame.image, frame.time_s), pipeline.lost)
            if frame.index in shown:
                panels.append(draw_poses(frame.image, people, pipeline.skeleton, legend=True))
    save(out, np.hstack(panels))


def picture(image, photographs, data):
    """Read an image of COCO's file, or return a grey one of the same size if photographs are not wanted.

    Args:
        image: Entry of the file.
        photographs: Whether they are wanted.
        data: Folder of the file, with images/ in it.
    """
    if photographs:
        return read_image(data / "images" / image["file_name"])
    return np.full((image["height"], image["width"], 3), GREY, np.uint8)


def sheet(panels, columns):
    """Join panels of one size in rows, with white between them."""
    framed = [cv2.copyMakeBorder(panel, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255,) * 3) for panel in panels]
    framed += [np.full_like(framed[0], 255)] * (-len(framed) % columns)
    return np.vstack([np.hstack(framed[i : i + columns]) for i in range(0, len(framed), columns)])


def save(out, image):
    """Write an image as JPEG or PNG, as the file's name says."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 55] if out.endswith(".jpg") else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    write_whole(out, cv2.imencode(Path(out).suffix, image, options)[1].tobytes())


def main():
    """Read the command line and draw the picture that it asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", choices=["curve", "poses", "boxes", "frames", "demo"])
    parser.add_argument("out")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--score", type=float, default=0.45)
    parser.add_argument("--photographs", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of person_keypoints.json and images/")
    args = parser.parse_args()
    if args.picture == "curve":
        curve(args.out, args.files)
    elif args.picture == "poses":
        poses(args.out, args.files[0], args.photographs, args.data)
    elif args.picture == "boxes":
        boxes(args.out, args.files[0], args.score, args.photographs, args.data)
    elif args.picture == "frames":
        frames(args.out)
    else:
        demo(args.out)


if __name__ == "__main__":
    main()
