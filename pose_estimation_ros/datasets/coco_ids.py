"""Read the ids of COCO's JSON files, and tell when two of them are the same.

Programs write the id 785 as 785, 785.0 (pandas) or "785". The three are the same image, because all ids of a file are
of one kind: whole numbers or texts.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

Id = int | str
LIMIT = 2**63  # numpy holds ids in 64 bits


def plain_id(value: Any) -> Id | None:
    """Return an id as int or str, a float of a whole number as int; None for anything that is no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < LIMIT):
        return value
    return None


def as_number(value: Id | None) -> Id | None:
    """Return a text of digits as the number that it writes; any other id as it is."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


def find_id(value: Any, known: Collection[Id]) -> Id | None:
    """Find an id among the known ones.

    Args:
        value: the id as another file, or another part of this one, writes it.
        known: ids as plain_id returns them.

    Returns:
        The known id, or None where there is no such id. The text "785" is the number 785, and the other way round.
    """
    plain = plain_id(value)
    if plain is None or plain in known:
        return plain
    if isinstance(plain, int):
        return str(plain) if str(plain) in known else None
    number = as_number(plain)
    return number if number in known and str(number) == plain else None
