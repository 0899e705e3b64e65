import re


def test_who_moves_is_found(run_example, clip):
    """In the first frame nothing has moved yet."""
    lines = run_example("my_detector.py", clip).splitlines()
    people = [int(re.match(r"frame \d+: Poses\((\d+) ", line).group(1)) for line in lines]
    assert len(people) == 8 and people[0] == 0 and max(people) >= 1
