"""A table of two rows end to end on the dots: trained, scored, reported, shared, interrupted, refused."""

import json

import pytest
import yaml

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.ablation import run as module
from pose_estimation_ros.training.ablation.report import csv_text, markdown, score_text, text, write_report
from pose_estimation_ros.training.ablation.run import Ablation, Result, ablate, differences, run_name
from pose_estimation_ros.training.ablation.table import Metric, Printed
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source


@pytest.fixture
def table(recipe, tmp_path):
    """Path of a table whose rows are trained in seconds; at the paper's size it is judged by OKS AP on the dots."""
    source = {"annotations": "person_keypoints.json", "images": "images"}
    fields = {
        "model": "elpn_v1", "data_root": recipe.data_root, "train": [source], "holdout": [source],
        "input_size_wh": [32, 32], "sigma": 1.0, "epochs": 1, "batch_size": 3, "milestones": [], "workers": 0,
        "losses": {"mse": 1.0}, "pictures": 0,
    }  # fmt: skip
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(fields))
    judged = {"name": "AP", "figure": "AP", **source}
    content = {
        "paper": {"recipe": str(tmp_path / "base.yaml"), "metric": judged},
        "small": {"recipe": str(tmp_path / "base.yaml"), "metric": {"name": "PCK", "figure": "holdout_pck"}},
        "rows": [
            {"name": "mse", "printed": {"score": 78.2, "parameters_m": 1.1}},
            {"name": "entropy", "overrides": {"losses": {"cross_entropy": 1.0}}},
        ],
    }
    path = tmp_path / "two_rows.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture
def trainings(monkeypatch):
    """The names of the runs that are trained from here on."""
    names, train = [], module.train
    monkeypatch.setattr(module, "train", lambda recipe: names.append(recipe.name) or train(recipe))
    return names


def test_nothing_is_trained_for_no_seed_but_all_rows_are_counted(table, tmp_path, trainings):
    found, results, finished = ablate(Ablation(table, seeds=0, out=tmp_path / "out"))
    assert trainings == [] and finished and [row.scores for row in results] == [{}, {}]
    assert all(result.parameters > 1e6 and result.macs > 0 for result in results)
    assert "| mse | - | 78.2 |" in markdown(found, results, False)


def test_rows_are_trained_once_scored_and_written(table, tmp_path, trainings):
    ablation = Ablation(table, small=True, seeds=2, out=tmp_path / "out")
    heard = []
    found, results, finished = ablate(ablation, lambda *scored: heard.append(scored))
    assert finished and len(set(trainings)) == 4
    assert [(row, seed) for row, seed, _ in heard] == [("mse", 1), ("entropy", 1), ("mse", 2), ("entropy", 2)]
    assert all(0 <= value <= 100 for result in results for value in result.scores.values())
    paths = write_report(ablation, found, results)
    assert [path.name for path in paths] == ["two_rows_small.md", "two_rows_small.csv", "two_rows_small.json"]
    facts = json.loads(paths[2].read_text())
    assert facts["rows"][0]["scores"] == {str(seed): value for seed, value in results[0].scores.items()}
    trainings.clear()
    again = ablate(Ablation(table, small=True, seeds=1, rows=["entropy"], out=tmp_path / "out"))
    assert trainings == [] and again[1] == results  # what is known of all rows and seeds is told again


@pytest.mark.parametrize("content", [[], {}, {"score": 1}, {"measured": 1}, "x", None])
def test_a_score_that_is_none_is_not_known(tmp_path, content):
    recipe, metric = Recipe(name="run", out_dir=str(tmp_path)), Metric(name="PCK", figure="holdout_pck")
    assert module.known_score(recipe, metric) is None
    recipe.run_dir.mkdir()
    file = recipe.run_dir / module.SCORE_FILE
    file.write_text(json.dumps({"measured": module.measured(metric), "score": 2}))
    assert module.known_score(recipe, metric) == 2
    for odd in (content, {"measured": module.measured(metric), "score": content}):
        file.write_text(json.dumps(odd))
        assert module.known_score(recipe, metric) is None


@pytest.mark.parametrize(
    "changes, words", [(["seed=4294967295"], "seed: expected at most"), (["epochs=0"], "epochs: ")]
)
def test_all_recipes_are_checked_before_the_first_training(table, tmp_path, trainings, changes, words):
    with pytest.raises(ConfigError, match=words):
        ablate(Ablation(table, small=True, seeds=2, out=tmp_path / "out", changes=changes))
    assert trainings == []


def test_equal_rows_share_a_training_also_between_tables(table, tmp_path, trainings):
    content = yaml.safe_load(open(table).read())
    content["rows"] = [{"name": "same", "overrides": {"losses": {"mse": 1.0}, "workers": 0}}]
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(content))
    ablate(Ablation(table, rows=["mse"], small=True, out=tmp_path / "out"))
    _, results, _ = ablate(Ablation(str(tmp_path / "other.yaml"), small=True, out=tmp_path / "out"))
    assert len(trainings) == 1 and results[0].scores
    ablate(Ablation(table, rows=["mse"], small=True, out=tmp_path / "out", changes=["lr=0.01"]))
    assert len(trainings) == 2


def test_at_the_papers_size_the_best_checkpoint_is_judged(table, tmp_path):
    _, results, _ = ablate(Ablation(table, rows=["mse"], out=tmp_path / "out"))
    (score,) = results[0].scores.values()
    (written,) = (tmp_path / "out").glob("elpn_v1-*/evaluation/elpn_v1-*[0-9a-f].json")
    assert json.loads(written.read_text())["AP"] == score and results[1].scores == {}


def test_an_interrupted_training_ends_the_table_and_keeps_what_is_done(table, tmp_path, monkeypatch):
    train = module.train
    monkeypatch.setattr(module, "train", lambda recipe: None if "cross_entropy" in recipe.losses else train(recipe))
    _, results, finished = ablate(Ablation(table, small=True, seeds=2, out=tmp_path / "out"))
    assert not finished and [list(result.scores) for result in results] == [[1], []]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"figure": "holdout_pcK"}, "expected a column of .*holdout_pck, .*got 'holdout_pcK'"),
        ({"figure": "APX", "annotations": "person_keypoints.json", "images": "images"}, "expected one of .*AP75"),
    ],
)
def test_an_unknown_figure_is_refused(table, tmp_path, change, message):
    content = yaml.safe_load(open(table).read())
    content["small"]["metric"].update(change)
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=message):
        ablate(Ablation(str(tmp_path / "wrong.yaml"), rows=["mse"], small=True, out=tmp_path / "out"))


@pytest.mark.parametrize("key", ["annotations", "images", "boxes"])
def test_nothing_is_trained_if_a_file_of_the_metric_is_missing(table, tmp_path, trainings, key):
    content = yaml.safe_load(open(table).read())
    content["paper"]["metric"][key] = "no/such.json"
    (tmp_path / "missing.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=f"metric.{key}: expected .*no/such.json, got no such"):
        ablate(Ablation(str(tmp_path / "missing.yaml"), out=tmp_path / "out"))
    assert trainings == []


def test_several_processes_are_refused(table, tmp_path):
    with pytest.raises(ConfigError, match="devices: expected 1, .*got 2"):
        ablate(Ablation(table, out=tmp_path / "out", changes=["devices=2"]))


def test_the_name_of_a_run_says_what_has_an_effect():
    plain = Recipe(losses={"mse": 1.0, "teacher_kl": 0.1})
    assert run_name(plain) == run_name(Recipe(losses={"mse": 1.0, "teacher_kl": 0.1}, workers=7, name="x", out_dir="y"))
    others = [
        Recipe(),
        Recipe(losses={"teacher_kl": 0.1}),
        Recipe(losses=dict(plain.losses), seed=2),
        Recipe(losses=dict(plain.losses), train=[Source("a.json")]),
        Recipe(losses=dict(plain.losses), augmentation=Augmentation(flip=0.0)),
    ]
    assert len({run_name(recipe) for recipe in [plain, *others]}) == len(others) + 1


def test_differences_are_those_to_the_defaults():
    assert differences(Recipe()) == {}
    recipe = Recipe(train=[Source("a.json", repeat=2)], augmentation=Augmentation(flip=0.0))
    assert differences(recipe) == {
        "train": [{"annotations": "a.json", "repeat": 2}],
        "augmentation": {"flip": 0.0},
    }


@pytest.mark.parametrize(
    "scores, shown", [({}, "-"), ({1: 30.26}, "30.3"), ({1: 30.0, 2: 32.0, 3: 34.0}, "32.0 +- 2.0 (3 seeds)")]
)
def test_scores_are_shown_with_the_noise_between_seeds(scores, shown):
    assert score_text(Result("a", 1, 1.0, scores)) == shown


def test_csv_has_a_line_for_each_row(table, tmp_path):
    results = [Result("a", 10, 1.5, {1: 30.0}, Printed(78.2)), Result("b,c", 20, 2.5, {})]
    assert csv_text(results).splitlines() == [
        "row,mean,deviation,seeds,parameters,macs,printed_score,printed_parameters_m,printed_macs",
        "a,30.0,,1,10,1.5,78.2,,",
        '"b,c",,,0,20,2.5,,,',
    ]
    found, _, _ = ablate(Ablation(table, seeds=0, out=tmp_path / "out"))
    assert text(found, results, True).splitlines()[1].split() == ["a", "30.0", "78.2", "0.000", "-", "1.500", "-"]
