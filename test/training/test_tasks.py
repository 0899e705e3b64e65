"""tasks.py: options of a network that no builder takes are refused by name, whatever the network."""

import inspect

import pytest
import torch

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.options import MOST, check_options, fits, is_like
from pose_estimation_ros.training.recipe import Recipe
from pose_estimation_ros.training.tasks import TASKS, build_model

MODELS = [(task, name) for task, kind in TASKS.items() for name in kind.models]
VALUES = ("wide", -1.5, True, None, {"a": 1}, [], ["a"], [[1]])


def build(task, name, options):
    skeleton = "" if task == "person_detector" else "coco17"
    with torch.device("meta"):
        return build_model(Recipe(task=task, model=name, model_options=options, skeleton=skeleton))


def own_options(task, name):
    """A builder's options, block builders and the like among them."""
    parameters = inspect.signature(TASKS[task].models[name]).parameters.values()
    return [parameter for parameter in parameters if parameter.name != "num_joints"]


@pytest.mark.parametrize("task, name", MODELS)
def test_options_of_another_kind_than_the_default_are_refused_by_name(task, name):
    for option in own_options(task, name):
        for value in (value for value in VALUES if callable(option.default) or not fits(value, option)):
            with pytest.raises(ConfigError, match=f"^model {name} with model_options .*: expected .*, got ") as error:
                build(task, name, {option.name: value})
            assert option.name in str(error.value).partition(": expected ")[2]


@pytest.mark.parametrize("task, name", MODELS)
def test_numbers_that_no_network_has_are_refused(task, name):
    for option in own_options(task, name):
        default = option.default[0] if isinstance(option.default, (tuple, list)) else option.default
        if type(default) in (int, float):
            for number in (-1, MOST + 1, 10**400, *[float("nan"), float("inf")] * isinstance(default, float)):
                value = [number] * 4 if isinstance(option.default, (tuple, list)) else number
                with pytest.raises(ConfigError, match=f": expected {option.name} in 0..{MOST}, got "):
                    build(task, name, {option.name: value})


@pytest.mark.parametrize(
    "task, name, options, message",
    [
        ("top_down", "hrnet_w32", {"width": MOST}, "a network of at most 1e.09 parameters in 10000 tensors"),
        ("top_down", "hrnet_w32", {"width": 20_000}, "a network of at most 1e.09 parameters"),
        ("top_down", "elpn_v1", {"modules": [1, MOST, 1]}, "a network of at most"),
        ("bottom_up", "litepose_xs", {"kernels": [99_999, 3, 3, 3]}, "a network of at most"),
        ("top_down", "lite_hrnet_18", {"widths": [40, 80, 160, 0]}, "widths as a whole number of at least 1"),
        ("top_down", "lite_hrnet_18", {"units": [1, 1]}, "units as 3 numbers"),
        ("top_down", "lite_hrnet_18", {"widths": [1, 1, 1, 1]}, "options that fit each other"),
        ("top_down", "simple_baseline_shufflenet_v2", {"width": 0}, "width as a whole number of at least 1"),
        ("top_down", "simple_baseline_shufflenet_v2", {"features": 1000}, "an option out of width, bgr"),
        ("top_down", "goatpose_bl", {"nam": "spatial", "input_size_wh": [64, 64]}, "parts that fit the input 192x256"),
        ("bottom_up", "higher_hrnet_w16", {"half_width": 0}, "half_width as a whole number of at least 1"),
        ("bottom_up", "efficient_hrnet_h_4", {"smaller": 5}, "smaller out of 0, 1, 2, 3, 4"),
        ("bottom_up", "wlitepose_xs", {"widths": [8, 8, 8, 8, 8]}, "widths as 4 numbers"),
        ("bottom_up", "litepose_xs", {"kernels": [7, 7, 7, 4]}, "kernels of odd sides"),
        ("person_detector", "person_detector", {"neck": 0}, "neck as a whole number of at least 1"),
    ],
)
def test_networks_that_cannot_be_are_refused_at_once(task, name, options, message):
    """Not on torch's meta device: a network that took its memory would fail here."""
    recipe = Recipe(
        task=task, model=name, model_options=options, skeleton="" if task == "person_detector" else "coco17"
    )
    with pytest.raises(ConfigError, match=f"^model {name} with model_options .*: expected .*{message}.*, got "):
        build_model(recipe)


@pytest.mark.parametrize("task, name", MODELS)
def test_names_that_no_network_has_are_refused(task, name):
    for option in ("num_joints", "wings"):
        with pytest.raises(ConfigError, match=f"^model {name} with model_options .*{option}"):
            build(task, name, {option: 5})


@pytest.mark.parametrize(
    "value, default, expected",
    [
        (1, 2, True),
        (1.0, 2, False),
        (True, 2, False),
        (1, 0.5, True),
        (True, 0.5, False),
        (1, True, False),
        ("a", "b", True),
        ([], (1, 2), True),
        ([3], (1, 2), True),
        ([3.5], (1, 2), False),
        (["a", 3], ("b",), False),
        (["a"], (), True),
        ("ab", ("a",), False),
        ("a", None, True),
    ],
)
def test_what_can_take_the_place_of_a_default(value, default, expected):
    assert is_like(value, default) is expected


def test_the_nearest_name_is_told():
    check_options(lambda num_joints, width=3: None, {})
    with pytest.raises(ConfigError, match="expected an option out of width, got 'widht', did you mean 'width'?"):
        check_options(lambda num_joints, width=3: None, {"widht": 4})
    with pytest.raises(ConfigError, match="expected an option out of none, got 'width'"):
        check_options(lambda num_joints: None, {"width": 4})


@pytest.mark.parametrize("size_wh", [[64, 64], [96, 128]])
def test_parts_of_the_size_of_maps_have_the_recipes(recipe, size_wh):
    """NAM of pixels: at any input size a recipe needs no other option than the kind."""
    recipe.model, recipe.input_size_wh = "goatpose_bl", size_wh
    recipe.model_options = {**recipe.model_options, "nam": "spatial"}
    model = build_model(recipe).eval()
    with torch.no_grad():
        heatmaps = model(torch.zeros(1, 3, size_wh[1], size_wh[0]))["heatmaps"]
        with pytest.raises(ConfigError, match="for spatial NAM, got"):
            model(torch.zeros(1, 3, 32, 32))
    assert heatmaps.shape[2:] == (size_wh[1] // 4, size_wh[0] // 4)
