import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.config import Recipe, Source, load_recipe, recipe_from_fields


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
    recipe = load_recipe(path, ["epochs=3", "augmentation.scale=0.5", "losses={cross_entropy: 1}", "name=other"])
    assert (recipe.lr, recipe.epochs, recipe.name) == (1.0, 3, "other")
    assert recipe.train == [Source("a.json", "i")]
    assert (recipe.augmentation.flip, recipe.augmentation.scale) == (0.0, 0.5)


@pytest.mark.parametrize(
    "text, overrides, message",
    [
        ("epoch: 3", [], "unknown key 'epoch', did you mean 'epochs'"),
        ("augmentation: {flipp: 1}", [], "did you mean 'flip'"),
        ("lr: fast", [], "lr: expected float, got 'fast'"),
        ("lr: true", [], "expected float, got True"),
        ("milestones: [a]", [], "milestones: expected int, got 'a'"),
        ("losses: {mse: much}", [], "losses: mse: expected float, got 'much'"),
        ("{}", ["losses={mse: 1"], "expected yaml after the ="),
        ("epochs: many", [], "expected int, got 'many'"),
        ("epochs: true", [], "expected int, got True"),
        ("train: x.json", [], "expected a list"),
        ("train: [{annotation: a}]", [], "did you mean 'annotations'"),
        ("[1, 2]", [], "expected a yaml mapping, got list"),
        ("a: [", [], "cannot read recipe"),
        ("{}", ["epochs"], "expected key=value"),
        ("{}", ["zzz=1"], "unknown key 'zzz'"),
        ("lr: 1", ["lr.x=2"], "lr has no keys"),
    ],
)
def test_faults(write, text, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(text), overrides)


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "0.001"])
def test_numbers_as_people_type_them(write, text):
    recipe = load_recipe(write("{}"), [f"lr={text}", f"losses={{mse: {text}}}", f"augmentation.zoom=[{text}, 1]"])
    assert (recipe.lr, recipe.losses, recipe.augmentation.zoom) == (0.001, {"mse": 0.001}, [0.001, 1.0])


def test_an_override_empties_a_text(write):
    assert load_recipe(write("teacher: a.ckpt"), ["teacher="]).teacher == ""


def test_missing_file():
    with pytest.raises(ConfigError, match="cannot read recipe nowhere.yaml"):
        load_recipe("nowhere.yaml")


def test_fields_round_trip():
    import dataclasses

    recipe = Recipe(name="x", train=[Source("a", "b", 2)])
    assert recipe_from_fields(dataclasses.asdict(recipe), "checkpoint") == recipe


def test_every_shipped_recipe_loads(repository):
    recipes = sorted((repository / "config" / "training").glob("*.yaml"))
    assert recipes
    for path in recipes:
        assert load_recipe(path).name == path.stem
