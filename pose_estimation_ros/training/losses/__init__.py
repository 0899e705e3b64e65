"""Compute the losses that a recipe's ``losses`` names, for each kind of network."""

from typing import NamedTuple


class About(NamedTuple):
    """Describe a loss for the documentation.

    Attributes:
        meaning: what it computes.
        options: the keys of ``loss_options`` that it uses.
        needs: what the recipe or the network must have.
    """

    meaning: str
    options: tuple[str, ...] = ()
    needs: str = ""


LOSSES = {
    "mse": About(
        "mean squared error of the heatmaps. Top-down: of the labelled keypoints. Bottom-up: at 1/4 and at 1/2 of the"
        " input, where the image is annotated",
        ("reduction",),
    ),
    "weighted_mse": About(
        "the same with WLitePose's weight W for each pixel, equations 2 and 4 of its paper",
        ("reduction", "tau", "live_weights"),
    ),
    "cross_entropy": About(
        "cross-entropy between the target, as a distribution over pixels, and the softmax of 10 times the heatmap",
    ),
    "teacher_mse": About(
        "mean squared error between the heatmaps and the teacher's, of all keypoints",
        ("reduction",),
        "`teacher`",
    ),
    "teacher_kl": About(
        "Kullback-Leibler divergence of the softmaxes of the teacher's heatmaps and of the network's, of all keypoints",
        ("temperature",),
        "`teacher`",
    ),
    "nam_l1": About(
        "sum of the absolute scales of the batch norms in NAM attention, which makes them sparse: equation 5 of"
        " GoatPose's paper",
        needs="a network with NAM attention, such as `goatpose_bl`",
    ),
    "pull": About("squared distance of the tags of a person's keypoints to their mean"),
    "push": About("nearness of the mean tags of different people: exp(-d^2) of their distance d"),
    "person": About("quality focal loss of the heatmap of people's centres"),
    "box": About("1 - GIoU of the predicted and the annotated boxes"),
    "teacher_person": About("the loss `person` against the scores of a teacher's boxes", (), "`teacher`, a detector"),
    "teacher_box": About("the loss `box` against a teacher's boxes", (), "`teacher`, a detector"),
}
