import cv2


def test_it_writes_a_picture(run_example, tmp_path):
    run_example("train_my_skeleton/draw_hand.py", "hand.png")
    assert cv2.imread(str(tmp_path / "hand.png")).shape == (128, 128, 3)


def test_without_a_name_it_says_how_it_is_run(run_example):
    assert "draw_hand.py hand.png" in run_example("train_my_skeleton/draw_hand.py", status=1)
