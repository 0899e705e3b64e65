"""Read the ``dataset_info`` of an MMPose data set file. The Python text is parsed, and never run."""

import ast
import io
import keyword
import tokenize
from typing import Any, Dict, List

from pose_estimation_ros.core.errors import ConfigError, reason_of, shown

NAME = "dataset_info"
FIELDS = ("dataset_name", "keypoint_info", "skeleton_info", "sigmas")  # those that a skeleton needs
UNUSED = ("color", "id", "type")  # of a keypoint or link; colors often come from tables that are no plain values
LARGEST_FILE = 1 << 20  # bytes
LONGEST_LIST = 10000  # items after * and +
DEEPEST = 30  # brackets within brackets
MOST_OPERATORS = 500  # Python's own parser overflows on long chains of them
PLAIN = set("()[]{},:=")  # operators of plain values
CONSTANTS = ("True", "False", "None")


def read_dataset_info(path: str) -> Dict[str, Any]:
    """Read the fields of a ``dataset_info = dict(...)`` that describe a skeleton.

    Values may be numbers, texts, lists, tuples, dicts, ``dict(...)``, a list times a number, and sums of lists.

    Args:
        path: a Python file.

    Returns:
        Those of FIELDS that the file has.

    Raises:
        ConfigError: the file cannot be read or has no such ``dataset_info``, or a value is not plain.
    """
    tree = _parsed(_text_of(path), path)
    values = [node.value for node in tree.body if isinstance(node, ast.Assign) and _name_of(node.targets[0]) == NAME]
    if not values:
        raise ConfigError("%s: expected %s = dict(...) at the left margin, got none%s" % (path, NAME, _hint(tree)))
    found = {}
    for name, node in _entries(values[-1], path).items():
        if name in FIELDS:
            try:
                found[name] = _value(node)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
                text = "%s: expected %s.%s as plain values, got: %s"
                raise ConfigError(text % (path, NAME, name, reason_of(error)))
    if "keypoint_info" not in found:
        raise ConfigError("%s: expected a keypoint_info in %s, got none" % (path, NAME))
    return found


def _text_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError("more than %d bytes" % LARGEST_FILE)
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError("%s: expected a Python file in UTF-8, got: %s" % (path, reason_of(error)))


def _parsed(text: str, path: str) -> ast.Module:
    """Parse Python text whose nesting is harmless. Raises ConfigError for any other text."""
    try:
        _check_nesting(text)
        return ast.parse(text)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ConfigError("%s: expected a data set file of MMPose, got: %s" % (path, reason_of(error)))


def _check_nesting(text: str) -> None:
    """Raise ValueError for deep brackets and long chains, on which the parser of some Pythons crashes."""
    depth = chained = 0
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_open = token.string in ("(", "[", "{")
        depth += is_open - (token.string in (")", "]", "}"))
        is_operator = token.type == tokenize.OP and token.string not in PLAIN
        is_word = keyword.iskeyword(token.string) and token.string not in CONSTANTS
        chained += is_operator or is_word or (is_open and before in (")", "]", "}"))
        before = token.string
        if depth > DEEPEST or chained > MOST_OPERATORS:
            raise ValueError("brackets or operators nested too deep")


def _name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _hint(tree: ast.Module) -> str:
    """Say where the dataset_info of a configuration may be: in another file that it names, or inside a call."""
    bases = [node.value for node in tree.body if isinstance(node, ast.Assign) and _name_of(node.targets[0]) == "_base_"]
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    named = [node.value for node in keywords if node.arg == "from_file"] or bases
    files = sorted({text for node in named for text in _texts(node)})
    if files:
        return "; give the file that it names: %s" % ", ".join(map(shown, files[:5]))
    inside = any(node.arg == NAME for node in keywords)
    return "; move the one inside another call into a file of its own" if inside else ""


def _texts(node: ast.AST) -> List[str]:
    """Return the texts of a constant, or of a list of them."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return []
    return [text for text in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(text, str)]


def _entries(node: ast.AST, path: str) -> Dict[Any, ast.AST]:
    """Return the values of dict(...) or {...} by their names, not evaluated."""
    try:
        return _pairs(node)
    except ValueError as error:
        raise ConfigError("%s: expected %s = dict(...), got: %s" % (path, NAME, reason_of(error)))


def _pairs(node: ast.AST) -> Dict[Any, ast.AST]:
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): value for key, value in zip(node.keys, node.values) if key is not None}
    if not isinstance(node, ast.Call):
        raise ValueError("no dict")
    if _name_of(node.func) != "dict" or node.args or any(entry.arg is None for entry in node.keywords):
        raise ValueError("a call other than dict(name=value, ...) in line %d" % node.lineno)
    return {str(entry.arg): entry.value for entry in node.keywords}


def _value(node: ast.AST) -> Any:
    """Evaluate a plain value. Raises ValueError for any other."""
    if isinstance(node, (ast.Dict, ast.Call)):
        return {name: _value(value) for name, value in _pairs(node).items() if name not in UNUSED}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.BinOp):
        return _combined(node.op, _value(node.left), _value(node.right))
    return ast.literal_eval(node)


def _combined(operator: ast.operator, left: Any, right: Any) -> List[Any]:
    """Return list + list, or list * number.

    Args:
        operator: the operator.
        left: a list.
        right: a list or a whole number.
    """
    if isinstance(operator, ast.Add) and isinstance(left, list) and isinstance(right, list):
        length = len(left) + len(right)
    elif isinstance(operator, ast.Mult) and isinstance(left, list) and isinstance(right, int):
        length = len(left) * right
    else:
        raise ValueError("an operator other than list + list and list * number")
    if length > LONGEST_LIST:
        raise ValueError("a list of more than %d items" % LONGEST_LIST)
    return left + right if isinstance(right, list) else left * right
