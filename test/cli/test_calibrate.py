from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import calibrate as command
from pose_estimation_ros.evaluation.calibrate import Calibrated, ScoreCalibration


def test_arguments_become_settings_and_figures_a_table(monkeypatch, capsys):
    orders = []
    rows = {name: {"count": 7, "ECE": error, "log_loss": 0.5} for name, error in (("raw", 0.2), ("calibrated", 0.02))}

    def calibrate(order):
        orders.append(order)
        return Calibrated(
            "m.json", {"keypoint": rows, "person": {**rows, "raw": {**rows["raw"], "background": 0.31}}}, {}
        )

    monkeypatch.setattr(command, "calibrate", calibrate)
    assert main(["calibrate", "m.onnx", "--data", "d", "--background", "b", "--threads", "2"]) == 0
    assert orders == [ScoreCalibration("m.onnx", "d", "b", threads=2)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["keypoint,", "raw", "7", "0.2", "0.5", "-"],
        ["keypoint,", "calibrated", "7", "0.02", "0.5", "-"],
        ["person,", "raw", "7", "0.2", "0.5", "0.31"],
        ["person,", "calibrated", "7", "0.02", "0.5", "-"],
        ["wrote", "m.json"],
    ]


def test_a_missing_model_is_one_line(capsys):
    assert main(["calibrate", "nothing/x.onnx", "--data", "d"]) == 1
    assert capsys.readouterr().err.splitlines() == ["pose: error: model file nothing/x.onnx does not exist"]
