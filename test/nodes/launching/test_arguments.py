"""Arguments of the launch files."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.launching import arguments as la


def test_a_parameter_is_not_set_by_default_so_that_files_decide():
    names = [parameter.name for parameter in la.POSE_PARAMETERS]
    defaults = {argument.name: argument.default for argument in la.pose_arguments("cpu")}
    assert not any(defaults[name] for name in names + ["namespace", "use_sim_time", "log_level", "input_image_topic"])
    assert len(defaults) == len(la.pose_arguments("cpu")), "an argument is listed twice"


@pytest.mark.parametrize(
    "arguments", [la.demo_arguments(), la.webcam_arguments(), la.replay_arguments(), la.pose_arguments("cpu")]
)
def test_every_launch_file_takes_what_shows_and_restarts(arguments):
    names = [argument.name for argument in arguments]
    assert {"rviz", "rviz_frame", "foxglove", "respawn", "name", "namespace"} <= set(names)
    assert len(names) == len(set(names)) and all(argument.description for argument in arguments)


@pytest.mark.parametrize(
    "names, words",
    [
        ([], ""),
        (["model", "bag", "my_robot"], ""),
        (["detect_evry"], "warning: unknown launch argument 'detect_evry'; did you mean 'detect_every_s'? known: "),
        (["image_topic"], "warning: unknown launch argument 'image_topic'; did you mean 'image_topics'? known: "),
    ],
)
def test_a_misspelled_argument_is_a_warning_as_launch_ignores_it(capsys, names, words):
    la.warn_of_misspelled(names, la.pose_arguments("cpu"))
    stderr = capsys.readouterr().err
    assert stderr.startswith(words) and stderr.count("\n") == bool(words)


def test_the_old_name_of_an_argument_is_an_error():
    with pytest.raises(ConfigError, match="unknown launch argument 'cpu_engine'; its name is 'device' now"):
        la.warn_of_misspelled(["model", "cpu_engine"], la.pose_arguments("cpu"))
