import dataclasses
import json

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.training.data.images import is_named
from pose_estimation_ros.training.recipe import (
    Augmentation,
    LossOptions,
    Recipe,
    Source,
    check_recipe,
    load_recipe,
    recipe_from_fields,
)


@pytest.fixture
def write(tmp_path):
    def write_recipe(text):
        path = tmp_path / "fast.yaml"
        path.write_text(text)
        return path

    return write_recipe


def test_empty_mapping_is_all_defaults(write):
    assert load_recipe(write("{}")) == Recipe(name="fast")


def test_file_and_overrides(write):
    path = write("lr: 1\ntrain: [{annotations: a.json, images: i}]\naugmentation: {flip: 0}\n")
    overrides = ["epochs=3", "augmentation.scale=0.5", "losses={cross_entropy: 1}", "name=other"]
    recipe = load_recipe(path, [*overrides, "loss_options.tau=1e-3", "loss_options.live_weights=true"])
    assert recipe.loss_options == LossOptions(tau=0.001, live_weights=True)
    assert (recipe.lr, recipe.epochs, recipe.name) == (1.0, 3, "other")
    assert recipe.train == [Source("a.json", "i")]
    assert (recipe.augmentation.flip, recipe.augmentation.scale) == (0.0, 0.5)


@pytest.mark.parametrize(
    "text, overrides, message",
    [
        ("epoch: 3", [], "unknown key 'epoch', did you mean 'epochs'"),
        ("augmentation: {flipp: 1}", [], "did you mean 'flip'"),
        ("loss_options: {tauu: 1}", [], "fast.yaml: loss_options: unknown key 'tauu', did you mean 'tau'"),
        ("loss_options: {live_weights: 1}", [], "loss_options: live_weights: expected bool, got 1"),
        ("loss_options: sum", [], "loss_options: expected keys and values, got 'sum'"),
        ("lr: fast", [], "lr: expected float, got 'fast'"),
        ("lr: true", [], "expected float, got True"),
        ("milestones: [a]", [], r"milestones\[0\]: expected int, got 'a'"),
        ("losses: {mse: much}", [], "losses: mse: expected float, got 'much'"),
        ("losses: {1: 1}", [], "losses: expected texts, numbers, lists and mappings, got {1: 1}"),
        ("losses: {1: 1}", [], "losses: expected texts, numbers"),
        ("{}", ["losses={mse: 1"], "after the =: expected YAML, got: while parsing"),
        ("epochs: many", [], "expected int, got 'many'"),
        ("epochs: true", [], "expected int, got True"),
        ("train: x.json", [], "train: expected list, got 'x.json'"),
        ("train: [{annotation: a}]", [], "did you mean 'annotations'"),
        ("[1, 2]", [], "expected a yaml mapping, got list"),
        ("a: [", [], "fast.yaml: expected YAML, got: while parsing"),
        ("{}", ["epochs"], "expected key=value"),
        ("{}", ["zzz=1"], "unknown key 'zzz'"),
        ("lr: 1", ["lr.x=2"], "lr has no keys"),
        ("", [], "expected a yaml mapping, got an empty file"),
        ("1: 2", [], "unknown key 1$"),
        ("null: 2", [], "unknown key None$"),
        ("? [a]\n: 1", [], "expected YAML, got: while constructing a mapping"),
        ("lr: [1]", [], r"lr: expected float, got \[1\]"),
        ("lr: .nan", [], "lr: expected float, got nan"),
        ("lr: -.inf", [], "lr: expected float, got -inf"),
        ("lr: 1e400", [], "lr: expected float, got '1e400'"),
        ("lr: 1" + 400 * "0", [], "lr: expected float, got 1000"),
        ("lr: 1" + 5000 * "0", [], "fast.yaml: expected YAML, got: Exceeds the limit"),
        ("epochs: 1.5", [], "epochs: expected int, got 1.5"),
        ("input_size_wh: [1e400, 1]", [], r"input_size_wh\[0\]: expected int, got '1e400'"),
        ("losses: {mse: .nan}", [], "losses: mse: expected float, got nan"),
        ("augmentation: 3", [], "expected keys and values, got 3"),
        ("train: &a [*a]", [], "at most 1000000 values"),
        ("model: [x]", [], r"model: expected str, got \['x'\]"),
        ("name: ../x", [], "name: expected the name of a folder, got '../x'"),
        ("name: ''", [], "name: expected the name of a folder, got ''"),
        ("date: 2001-99-99", [], "expected YAML, got: month must be in"),
        ("a: " + 5000 * "[", [], "fast.yaml: expected YAML, got: "),
        ("!!python/object/apply:os.system [ls]", [], "expected YAML, got: could not determine a constructor"),
        ("a: &a [" + 20 * "x, " + "]\nb: &b [" + 20 * "*a, " + "]\nlr: [" + 20 * "*b, " + "]", [], "unknown key 'a'"),
        ("{}", ["lr=" + 5000 * "["], "expected YAML"),
        ("{}", ["lr=" + 5000 * "x"], "lr: expected float, got 'x"),
    ],
)
def test_faults(write, text, overrides, message):
    with pytest.raises(ConfigError, match=message) as error:
        load_recipe(write(text), overrides)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_much_made_of_little_is_shown_in_short(write):
    lines = ["lr: &a0 [x, x]"] + [f"lr: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    with pytest.raises(ConfigError) as error:
        load_recipe(write("\n".join(lines)))
    assert len(str(error.value)) < 5000


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "0.001"])
def test_numbers_as_people_type_them(write, text):
    recipe = load_recipe(write("{}"), [f"lr={text}", f"losses={{mse: {text}}}", f"augmentation.zoom=[{text}, 1]"])
    assert (recipe.lr, recipe.losses, recipe.augmentation.zoom) == (0.001, {"mse": 0.001}, [0.001, 1.0])


def test_an_override_empties_a_text(write):
    assert load_recipe(write("teacher: a.ckpt"), ["teacher="]).teacher == ""


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("nowhere.yaml", None, "nowhere.yaml: expected a YAML file in UTF-8, got: No such file or directory$"),
        (".", None, "expected a YAML file in UTF-8, got: Is a directory$"),
        (
            "latin.yaml",
            "name: x  # f\u00fcr".encode("latin-1"),
            "latin.yaml: expected a YAML file in UTF-8, got:",
        ),
        ("zero.yaml", b"name: a\0b", "zero.yaml: expected YAML, got: unacceptable character"),
    ],
)
def test_files_that_are_none(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_recipe(tmp_path / name)


def test_fields_round_trip():
    recipe = Recipe(name="x", train=[Source("a", "b", 2)], loss_options=LossOptions("sum", 1.0))
    assert recipe_from_fields(dataclasses.asdict(recipe), "checkpoint") == recipe


HAND = Skeleton("hand", ("wrist", "thumb", "index"), ((0, 1), (0, 2)), (), None)
FACE = Skeleton("face", ("left_eye", "right_eye"), (), ((0, 1),), None)


@pytest.mark.parametrize(
    "text, told, expected",
    [
        ("{}", "coco17", get_skeleton("coco17")),
        ("skeleton: mpii16", "mpii16", get_skeleton("mpii16")),
        ("skeleton: hand.json", HAND.to_json(), HAND),
        (f"skeleton: {json.dumps(FACE.to_json())}", FACE.to_json(), FACE),
        ("skeleton: known.json", "crowdpose14", get_skeleton("crowdpose14")),
    ],
)
def test_the_skeleton_is_a_name_a_file_or_an_object(write, tmp_path, text, told, expected):
    (tmp_path / "hand.json").write_text(json.dumps(HAND.to_json()))
    (tmp_path / "known.json").write_text(json.dumps(get_skeleton("crowdpose14").to_json()))
    recipe = load_recipe(write(text), [f"data_root={tmp_path}"])
    assert (recipe.skeleton, recipe.require_skeleton()) == (told, expected)
    again = recipe_from_fields(json.loads(json.dumps(dataclasses.asdict(recipe))), "checkpoint")  # without the file
    assert again == recipe


def test_the_file_of_a_skeleton_may_lie_in_the_working_directory(write, tmp_path, monkeypatch):
    (tmp_path / "hand.json").write_text(json.dumps(HAND.to_json()))
    monkeypatch.chdir(tmp_path)
    assert load_recipe(write("{skeleton: ./hand.json, data_root: elsewhere}")).require_skeleton() == HAND


HANDS = {
    "images": [],
    "annotations": [],
    "categories": [{"id": 1, "name": "hand", "keypoints": list(HAND.keypoints), "skeleton": [[1, 2], [1, 3]]}],
}


@pytest.mark.parametrize("root", ["data_root", "."])
def test_the_skeleton_can_be_that_of_the_annotations(write, tmp_path, monkeypatch, root):
    """Those of the first training source, named once; an override of the sources changes it, too."""
    (tmp_path / "hands.json").write_text(json.dumps(HANDS))
    monkeypatch.chdir(tmp_path)
    prefix = "./" if root == "." else ""
    path = write(f"skeleton: from_annotations\ntrain: [{{annotations: {prefix}hands.json, images: i}}]")
    recipe = load_recipe(path, [] if prefix else [f"data_root={tmp_path}"])
    skeleton = recipe.require_skeleton()
    assert (skeleton.keypoints, skeleton.links) == (HAND.keypoints, HAND.links)
    assert recipe_from_fields(dataclasses.asdict(recipe), "checkpoint") == recipe
    eyes = {**HANDS, "categories": [{"id": 1, "name": "face", "keypoints": list(FACE.keypoints)}]}
    (tmp_path / "faces.json").write_text(json.dumps(eyes))
    other = load_recipe(path, ["train=[{annotations: ./faces.json, images: i}]"])
    assert other.require_skeleton().keypoints == FACE.keypoints


@pytest.mark.parametrize(
    "text, message",
    [
        ("skeleton: from_annotations", "skeleton: from_annotations: expected train with at least one source, got none"),
        ("{skeleton: from_annotations, train: [{annotations: gone.json}]}", "skeleton: .*gone.json"),
        ("skeleton: horse", "fast.yaml: skeleton: expected a skeleton out of .* got 'horse'"),
        ("skeleton: horse.json", "fast.yaml: skeleton: .*horse.json', which does not exist"),
        ("skeleton: 17", "fast.yaml: skeleton: expected str, got 17"),
        ("skeleton: [a]", r"fast.yaml: skeleton: expected str, got \['a'\]"),
        ("skeleton: {name: a}", "fast.yaml: skeleton: expected a skeleton with name, keypoints and links"),
    ],
)
def test_no_skeleton(write, text, message):
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(text))


@pytest.mark.parametrize(
    "text, flip",
    [
        ("{}", 0.5),
        ('skeleton: ""', 0.5),  # a detector
        ("skeleton: hand21", 0.0),
        ("{skeleton: hand21, augmentation: {scale: 0}}", 0.0),
        ("{skeleton: hand21, augmentation: {flip: 0.3}}", 0.3),
        ("{skeleton: wholebody133}", 0.5),
    ],
)
def test_images_are_mirrored_where_flip_pairs_are_known_or_the_recipe_says_so(write, text, flip):
    assert load_recipe(write(text)).augmentation.flip == flip


def test_every_shipped_recipe_loads(repository):
    recipes = sorted((repository / "config" / "training").glob("*.yaml"))
    assert recipes
    for path in recipes:
        recipe = load_recipe(path)
        check_recipe(recipe)
        assert recipe.name == path.stem


@pytest.mark.parametrize("data_set", ["coco", "mpii", "crowdpose"])
def test_recipes_of_the_papers_train_in_32_bits(repository, data_set):
    recipes = sorted((repository / "config" / "training").glob(f"*_{data_set}.yaml"))
    assert recipes and {load_recipe(path).precision for path in recipes} == {"32-true"}


def test_the_best_epoch_on_crowdpose_is_chosen_on_images_that_are_neither_trained_on_nor_of_the_test(repository):
    recipes = [load_recipe(path) for path in (repository / "config" / "training").glob("*_crowdpose.yaml")]
    assert len(recipes) == 4
    names = [f"{number}.jpg" for number in range(100_000, 120_000)]
    for recipe in recipes:
        files = [{source.annotations for source in sources} for sources in (recipe.train, recipe.holdout)]
        assert files == 2 * [{"json/crowdpose_train.json", "json/crowdpose_val.json"}]
        for file in files[0]:
            trained, chosen = (
                {
                    name
                    for source in sources
                    if source.annotations == file
                    for name in names
                    if is_named(name, source.names)
                }
                for sources in (recipe.train, recipe.holdout)
            )
            assert not trained & chosen and trained | chosen == set(names)
            assert len(chosen) == len(names) / 50


FINE = Recipe(train=[Source("a.json", "a")], holdout=[Source("a.json", "a")])


def test_a_fine_recipe_passes_the_check():
    check_recipe(FINE)
    check_recipe(dataclasses.replace(FINE, teacher="a.ckpt", losses={"teacher_kl": 1.0}, devices=-1))


EVERY_TASK = ("top_down", "bottom_up", "person_detector")


@pytest.mark.parametrize("task", EVERY_TASK)
@pytest.mark.parametrize(
    "where, key, value, tasks",
    [
        ("holdout", "repeat", 2, EVERY_TASK),
        ("train", "detections", "b.json", ["top_down"]),
        ("holdout", "detections", "b.json", ["top_down"]),
        ("train", "others", "b.json", ["bottom_up"]),
        ("holdout", "others", "b.json", ["bottom_up"]),
        ("train", "empty", True, ["bottom_up"]),
        ("train", "pasted", True, ["bottom_up"]),
        ("augmentation", "pasted", 2, ["bottom_up", "person_detector"]),
        ("augmentation", "mosaic", 0.5, ["bottom_up", "person_detector"]),
        ("augmentation", "cut_off", 0.5, ["top_down"]),
        ("augmentation", "covered", 0.5, ["top_down"]),
        ("augmentation", "far_away", 0.5, ["top_down"]),
        ("augmentation", "neighbour", 0.5, ["top_down"]),
        ("augmentation", "neighbour_behind", 0.5, ["top_down"]),
        ("augmentation", "surroundings", 0.5, ["top_down"]),
    ],
)
def test_a_key_that_the_task_does_not_use_is_refused(where, key, value, tasks, task):
    recipe = dataclasses.replace(
        FINE, task=task, augmentation=Augmentation(**{key: value} if where == "augmentation" else {})
    )
    if where in ("train", "holdout"):
        setattr(recipe, where, [Source("a.json", "a"), Source("a.json", "a", **{key: value})])
        recipe.augmentation.pasted = int(key == "pasted" and task == "bottom_up")
    if task in tasks:
        check_recipe(recipe)
        return
    wanted = f"^{where}: {key}: expected only with task {' or '.join(tasks)}, got .* with task '{task}'$"
    with pytest.raises(ConfigError, match=wanted):
        check_recipe(recipe)


PASTED = [Source("a.json", "a"), Source("b.json", "b", pasted=True)]


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"accumulate": 0}, "accumulate: expected at least 1"),
        ({"workers": -1}, "workers: expected at least 0, got -1"),
        ({"lr": -1.0}, "lr: expected at least 0, got -1.0"),
        ({"lr": float("nan")}, "lr: expected at least 0, got nan"),
        ({"epochs": 10**400}, "epochs: expected at most 1000000, got 1000"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"seed": 2**64}, "seed: expected at most 4294967295, got 18446744073709551616"),
        ({"sigma": 0.0}, "sigma: expected at least 0.1, got 0.0"),
        ({"padding": -1.0}, "padding: expected at least 0.1, got -1.0"),
        ({"warmup_steps": -1}, "warmup_steps: expected at least 0"),
        ({"milestones": [5, 0]}, r"milestones: expected epochs of 1 or more, got \[5, 0\]"),
        ({"losses": {"mse": -1.0}}, "losses: expected no negative weight"),
        ({"input_size_wh": [32, 32 * 10**6]}, "input_size_wh: expected"),
        ({"augmentation": Augmentation(flip=1.5)}, "augmentation.flip: expected at most 1, got 1.5"),
        ({"augmentation": Augmentation(rotation_deg=-1)}, "augmentation.rotation_deg: expected at least 0, got -1"),
        ({"augmentation": Augmentation(pasted=-1)}, "augmentation.pasted: expected at least 0, got -1"),
        ({"augmentation": Augmentation(scale=1.0)}, "augmentation.scale: expected at most 0.99, got 1.0"),
        ({"loss_options": LossOptions("total")}, "loss_options.reduction: expected one of mean, sum, got 'total'"),
        ({"loss_options": LossOptions(temperature=0)}, "loss_options.temperature: expected at least 0.001, got 0"),
        ({"loss_options": LossOptions(tau=-1)}, "loss_options.tau: expected at least 0, got -1"),
        ({"augmentation": Augmentation("gamma")}, "augmentation.distribution: expected one of uniform, normal, got"),
        ({"augmentation": Augmentation(zoom_reference="long")}, "zoom_reference: expected one of fitted, short_side"),
        (
            {"augmentation": Augmentation(zoom_uniform_in="")},
            "zoom_uniform_in: expected one of log, size, view, got ''",
        ),
        ({"devices": 0}, "devices: expected a number of devices"),
        ({"precision": "bf17"}, "precision: expected one of 32-true, .* got 'bf17'"),
        (
            {"input_size_wh": [40, 32]},
            r"input_size_wh: expected \[width, height\], multiples of 32 up to 8192, got \[40, 32\]",
        ),
        ({"input_size_wh": [32]}, "input_size_wh: expected"),
        ({"input_size_wh": [0, 32]}, "input_size_wh: expected"),
        ({"init_from": "a.ckpt", "grow_from": "b.ckpt"}, "grow_from: expected none beside init_from, got 'b.ckpt'"),
        ({"train": []}, "train: expected at least one source"),
        ({"holdout": []}, "holdout: expected at least one source"),
        ({"train": [Source("a", "b", 0)]}, "train: expected repeat of 1 or more"),
        ({"task": "bottom_up", "train": PASTED}, "augmentation.pasted: expected at least 1 with sources .*, got 0"),
        (
            {"task": "bottom_up", "holdout": PASTED, "augmentation": Augmentation(pasted=1)},
            "holdout: pasted: expected false, .*, got true",
        ),
        ({"losses": {}}, "losses: expected at least one name: weight"),
        ({"losses": {"mse": 0.0}}, "losses: expected .* with a weight above 0"),
        ({"losses": {"teacher_mse": 1.0}}, "losses .*teacher_mse.* need a teacher="),
        ({"teacher": "a.ckpt"}, "teacher a.ckpt: expected losses teacher_[.][.][.], got .*mse"),
    ]
    + [
        ({"augmentation": Augmentation(**{key: limits})}, rf"augmentation.{key}: expected \[low, high\]")
        for key in ("zoom", "pasted_px")
        for limits in ([1.5, 0.5], [0.0, 1.0], [1.0], [])
    ],
)
def test_a_number_out_of_range_is_refused_with_the_key_what_was_expected_and_what_came(fields, message):
    with pytest.raises(ConfigError, match=message):
        check_recipe(dataclasses.replace(FINE, **fields))


@pytest.mark.parametrize("text, expected", [("{}", "/data/mine"), ("{data_root: data/coco}", "data/coco")])
def test_the_environment_names_the_data_of_recipes_that_do_not(write, text, expected, monkeypatch):
    monkeypatch.setenv("POSE_DATA", "/data/mine")
    assert load_recipe(write(text)).data_root == expected
    monkeypatch.delenv("POSE_DATA")
    assert load_recipe(write(text), ["data_root=other"]).data_root == "other"
