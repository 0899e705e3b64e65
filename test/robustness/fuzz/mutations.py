"""Change inputs: random bytes, parts of a dictionary, values inside JSON; and put checksums right again."""

import binascii
import copy
import json
import struct

PNG_START = b"\x89PNG\r\n\x1a\n"
NUMBERS = [0, 1, 2, 127, 255, 32767, 65535, 2**31 - 1, 2**32 - 1]
VALUES = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**70, 10**400, 1.5, -0.0, 1e-300, 1e300, float("nan"), float("inf"), "",
    "x", "1", "ü", "\ud800", "\0", "/etc/passwd", "x" * 3000, [], {}, [[]], [None], [1, "x"], [1] * 100, {"": 0},
    {"id": 1},
]  # fmt: skip


def mutated(data, rng, corpus, tokens=()):
    """Change an input.

    Args:
        data: Input, bytes.
        rng: random.Random.
        corpus: Further inputs, parts of which are copied.
        tokens: Byte strings that have a meaning in this format.

    Returns:
        The changed input, bytes.
    """
    if rng.random() < 0.5:
        changed = mutated_json(data, rng)
        if changed is not None:
            return changed
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        rng.choice(CHANGES)(data, rng, corpus, tokens)
    return bytes(data)


def mutated_json(data, rng):
    """Replace, remove or double one or more values of a JSON input; return None if it is not JSON."""
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, (dict, list)):
        return None
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        change_value(value, rng)
    return json.dumps(value).encode()


def change_value(value, rng):
    """Change something inside a dict or list."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = rng.choice(keys)
    if isinstance(value[key], (dict, list)) and value[key] and rng.random() < 0.8:
        change_value(value[key], rng)
    elif rng.random() < 0.15:
        del value[key]
    elif rng.random() < 0.15 and isinstance(value, list):
        value.append(copy.deepcopy(value[key]))
    else:
        value[key] = copy.deepcopy(rng.choice(VALUES))


def repaired(data):
    """Put the checksums of a PNG's chunks right, wherever in the input the PNG begins."""
    at = data.find(PNG_START)
    if at < 0:
        return data
    data, at = bytearray(data), at + len(PNG_START)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, binascii.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


def _flip(data, rng, _corpus, _tokens):
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data, rng, _corpus, _tokens):
    if data:
        data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])


def _number(data, rng, _corpus, _tokens):
    form = rng.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"])
    if len(data) >= 8:
        number = rng.choice(NUMBERS) & (256 ** struct.calcsize(form) - 1)
        struct.pack_into(form, data, rng.randrange(len(data) - 7), number)


def _cut(data, rng, _corpus, _tokens):
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice([1, 4, 16, len(data)])]


def _insert(data, rng, _corpus, tokens):
    part = rng.choice(list(tokens) or [bytes([rng.randrange(256)]) * rng.choice([1, 4, 100])])
    at = rng.randrange(len(data) + 1)
    data[at:at] = part


def _double(data, rng, _corpus, _tokens):
    start = rng.randrange(len(data) + 1)
    part = data[start : start + rng.choice([4, 16, 64, 1000])] * rng.choice([1, 1, 1, 10])
    data[start:start] = part


def _splice(data, rng, corpus, _tokens):
    other = rng.choice(corpus)
    start, at = rng.randrange(len(other) + 1), rng.randrange(len(data) + 1)
    data[at : at + rng.choice([0, 8, len(data)])] = other[start : start + rng.choice([8, 64, len(other)])]


CHANGES = [_flip, _flip, _set, _set, _number, _number, _cut, _insert, _double, _splice]
