"""
One line about a value that does not fit: its path, what it is, what it must be.

msgspec says "Expected `int` <= 15 - at `$.devices[0].wqs[0].priority`"; we say
"devices[0].wqs[0].priority: 20: must be an integer <= 15".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import inspect

from mpzswap.errors import TopologyError

# A value longer than this is cut, so that the line stays a line.
MAX_VALUE_CHARACTERS = 40

# How msgspec ends: with the place of the value, or of the mapping that has the key.
PLACE = r"(.*) - at (`key` in )?`\$\.?(.*)`"

WORDS = {
    "int": "an integer",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


@contextmanager
def explained(model: type[msgspec.Struct], document: object) -> Iterator[None]:
    """
    Turn what msgspec says of *document*, read as a *model*, into our one line.

    Raises:
        TopologyError: msgspec refused something.
    """
    try:
        yield
    except msgspec.ValidationError as error:
        text, of_key, path = str(error), None, ""
        if place := re.fullmatch(PLACE, text, re.DOTALL):
            text, of_key, path = place.groups()
        path = _with_keys(path, model, document)
        if isinstance(error.__cause__, TopologyError):
            line = f"{path}.{error.__cause__}".removeprefix(".")
        elif of_key:
            line = _key_line(path, model, document)
        else:
            line = _line(text, path, model, document)
        raise TopologyError(line) from error


def _line(text: str, path: str, model: type[msgspec.Struct], document: object) -> str:
    """Put together the line for msgspec's *text* about the value at *path*."""
    kind = _type_at(model, path)
    if field := re.search("unknown field `(.*)`", text, re.DOTALL):
        known = ", ".join(item.encode_name for item in getattr(kind, "fields", ()))
        return f"{_join(path, _shown(field[1]))}: unknown key, must be one of {known}"
    if field := re.search("missing required field `(.*)`", text):
        return f"{_join(path, field[1])}: missing, must be given"
    value = _shown(_value_at(document, path))
    return f"{path or model.__name__.lower()}: {value}: must be {_wanted(text, kind)}"


def _wanted(text: str, kind: inspect.Type) -> str:
    """Say what a value must be, from msgspec's text and the type in its place."""
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in kind.values)
    if pattern := re.search("matching regex '(.*)'", text):
        return _matching(pattern[1])
    wanted = text.removeprefix("Expected ").partition(", got")[0]
    return re.sub("`([a-z]+)`", lambda word: WORDS.get(word[1], word[1]), wanted)


def _matching(pattern: str) -> str:
    """Say what a pattern lets through: words are named."""
    words = re.fullmatch(r"\^\(([\w|-]+)\)\$", pattern)
    if words:
        return "one of " + words[1].replace("|", ", ")
    return f"text that matches {pattern}"


def _key_line(path: str, model: type[msgspec.Struct], document: object) -> str:
    """Put together the line for a key that the mapping at *path* may not have."""
    kind: Any = _type_at(model, path)
    mapping: Any = _value_at(document, path)
    pattern = kind.key_type.pattern
    key = next(key for key in map(str, mapping) if not re.search(pattern, key))
    return f"{_join(path, _shown(key))}: unknown key, must be {_matching(pattern)}"


def _with_keys(path: str, model: type[msgspec.Struct], document: object) -> str:
    """Put keys in place of each [...], which is how msgspec says a mapping's value."""
    while "[...]" in path:
        before, _, rest = path.partition("[...]")
        kind: Any = _type_at(model, before)
        mapping: Any = _value_at(document, before)
        wanted = kind.value_type.cls
        key = next(key for key, value in mapping.items() if not _fits(value, wanted))
        path = f"{_join(before, key)}{rest}"
    return path


def _fits(value: object, model: type[msgspec.Struct]) -> bool:
    """Tell whether *value* can be read as a *model*."""
    try:
        msgspec.convert(value, model)
    except msgspec.ValidationError:
        return False
    return True


def _steps(path: str) -> Iterator[str | int]:
    """Give the keys and indices of a path such as devices[0].wqs[1]."""
    for key, index in re.findall(r"([^.\[\]]+)(?=[.\[]|$)|\[([0-9]+)\]", path):
        yield int(index) if index else key


def _join(path: str, key: str) -> str:
    """Give the path of *key* in what is at *path*."""
    return f"{path}.{key}" if path else key


def _value_at(document: object, path: str) -> object:
    """Give what the document has at *path*."""
    value: Any = document
    for step in _steps(path):
        value = value[step]
    return value


def _type_at(model: type[msgspec.Struct], path: str) -> inspect.Type:
    """Give the type that belongs at *path*."""
    kind = _bare(inspect.type_info(model))
    for step in _steps(path):
        if isinstance(kind, inspect.StructType):
            fields = {field.encode_name: field.type for field in kind.fields}
            kind = _bare(fields[str(step)])
        elif isinstance(kind, inspect.VarTupleType):
            kind = _bare(kind.item_type)
        elif isinstance(kind, inspect.DictType):
            kind = _bare(kind.value_type)
    return kind


def _bare(kind: inspect.Type) -> inspect.Type:
    """Give the type without what was noted about it, and without null beside it."""
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _shown(value: object) -> str:
    """Give a value as a file has it; lists and mappings by their size only."""
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {len(value)}"
    text = value if isinstance(value, str) else _as_json(value)
    line = " ".join(text.split())
    return (
        line
        if len(line) <= MAX_VALUE_CHARACTERS
        else f"{line[:MAX_VALUE_CHARACTERS]}..."
    )


def _as_json(value: object) -> str:
    """Give a value as JSON has it; what JSON lacks, such as nan, by its name."""
    if isinstance(value, float):
        return str(value)
    return msgspec.json.encode(value).decode()
