"""docs/reference/model-spec.md says what core/model_spec.py reads, and its examples are specs."""

import json
import re
import sys

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import (
    DECODER_OPTIONS,
    DECODERS,
    FIT_OPTIONS,
    OPTIONAL,
    OUTPUTS,
    TASKS,
    ModelSpec,
    parse_spec,
)
from pose_estimation_ros.core.skeleton import Skeleton, skeleton_from_json


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository / "tools" / "documentation"))
    import spec_doc

    sys.path.pop(0)
    return spec_doc


@pytest.fixture(scope="module")
def examples(repository):
    page = (repository / "docs" / "reference" / "model-spec.md").read_text()
    return [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", page, re.M | re.S)]


def test_the_page_is_that_of_the_code(tool):
    assert tool.filled(tool.PAGE, tool.parts()) == tool.PAGE.read_text(), "run tools/documentation/spec_doc.py"


def test_every_task_has_an_example_that_can_be_read(examples):
    assert sorted(parse_spec("page", example).task for example in examples) == sorted(TASKS)


def test_fields_that_are_called_required_are_so(examples):
    for name in set(ModelSpec._fields):
        without = {key: value for key, value in examples[0].items() if key != name}
        if name in OPTIONAL:
            parse_spec("page", without)
        else:
            with pytest.raises(ModelError, match=name):
                parse_spec("page", without)


def test_every_field_has_a_meaning_and_values(tool):
    assert list(tool.described(ModelSpec)) == list(ModelSpec._fields) and set(tool.VALUES) == set(ModelSpec._fields)
    assert list(tool.described(Skeleton)) == list(Skeleton._fields)


def test_a_skeleton_needs_what_is_called_required():
    whole = {"name": "pole", "keypoints": ["left_a", "right_a"], "links": [[0, 1]]}
    assert skeleton_from_json(whole).flip_pairs == ((0, 1),) and skeleton_from_json(whole).sigmas is None


def test_every_decoder_has_outputs_and_options():
    decoders = {name for names in DECODERS.values() for name in names}
    assert set(OUTPUTS) == set(DECODER_OPTIONS) == decoders


def test_a_decoder_without_options(tool):
    assert list(tool.option_rows("x", {})) == []


@pytest.mark.parametrize("options", [*DECODER_OPTIONS.values(), *FIT_OPTIONS.values()])
def test_defaults_follow_their_rules(options):
    for option in options.values():
        assert option.rule.convert(option.default) == option.default and option.meaning
