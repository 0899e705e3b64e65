import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import predict as module
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.predict import Predicted, Prediction


@pytest.fixture
def predicted(monkeypatch):
    """A function that runs `pose predict` with a stand-in that returns the result: (status, value that it got)."""

    def run(result, *words):
        seen = []

        def predict(prediction, warn):
            seen.append(prediction)
            warn("a fault")
            return result

        monkeypatch.setattr(module, "predict", predict)
        return main(["predict", "x.png", "--out", "o"] + list(words)), seen[0]

    return run


def test_arguments_are_the_fields_of_the_prediction(predicted):
    assert predicted(Predicted(1, 2))[1] == Prediction("x.png", "o")
    words = ["--max-frames", "3", "--color-by", "track", "--threads", "2"]
    assert predicted(Predicted(1, 2), *words)[1] == Prediction("x.png", "o", PipelineOptions(threads=2), 3, "track")


@pytest.mark.parametrize(
    "result, status, errors",
    [
        (Predicted(1, 2), 0, ["pose: warning: a fault"]),
        (Predicted(1, 2, chosen="8 bits"), 0, ["pose: warning: a fault"]),
        (Predicted(1, 2, unreadable=4), 1, ["pose: warning: a fault"]),
        (Predicted(1, 2, stopped=True), 0, ["pose: warning: a fault", "", "stopped after 1 frames"]),
    ],
)
def test_what_is_printed(predicted, capsys, result, status, errors):
    assert predicted(result)[0] == status
    out, err = capsys.readouterr()
    more = result.chosen and result.chosen + "\n"
    assert out == "1 frames, 2 people, scores raw; results in o\n" + more and err.splitlines() == errors
