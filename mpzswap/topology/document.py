"""
A YAML file as plain mappings, lists and values, or one line about what is wrong.

YAML 1.2's words for values (``off`` is a word, not false); anchors, aliases and merge
keys, but not as a bomb; no other tags; no key twice.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from mpzswap.errors import InputError, TopologyError
from mpzswap.topology.size import parse_size

# Ours: 64 devices with 8 queues each, all written out, are 60 KB and 7,000 nodes.
MAX_FILE_BYTES = 1 << 18
MAX_NODES = 20_000
# Ours: topology, devices, device, wqs, wq, value are six.
MAX_DEPTH = 20

# Keys whose value is a size, and may have a unit.
SIZE_KEYS = frozenset({"memory", "max_transfer_size"})

# YAML 1.1 would read 010 as 8 and 1:30 as 90.
DECIMAL = r"[-+]?(0|[1-9][0-9_]*)"

TAG = "tag:yaml.org,2002:"
KNOWN_TAGS = frozenset(
    TAG + kind
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "merge")
)


class Loader(yaml.SafeLoader):
    """The safe loader, with YAML 1.2's idea of which words are not text."""

    # The tag of a plain scalar depends on its first character; we keep what 1.2 has.
    yaml_implicit_resolvers = {  # noqa: RUF012  # the base class has it so
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag in KNOWN_TAGS and (tag != TAG + "bool" or first in "tTfF")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_document(path: Path, what: str = "topology") -> dict[str, Any]:
    """
    Read a file that has one mapping, with the keys of a *what*.

    Raises:
        TopologyError: it cannot be read, is no YAML, or does things we refuse.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        data = _read(path) if regular else b""
    except OSError as error:
        raise TopologyError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        # Such as a zero in its name, which no file has.
        raise TopologyError(f"{path}: {error}") from error
    if not regular:
        raise TopologyError(f"{path}: must be a file")
    if len(data) > MAX_FILE_BYTES:
        raise TopologyError(f"{path}: must be at most {MAX_FILE_BYTES} bytes")
    try:
        return parse_document(data.decode(), what)
    except UnicodeDecodeError as error:
        raise TopologyError(f"{path}: byte {error.start} is no UTF-8") from error
    except TopologyError as error:
        raise TopologyError(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    """Read a file, and one byte more than it may have if it is too long."""
    # Some files of /proc have nothing now and something later: not for us to wait.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read(MAX_FILE_BYTES + 1) or b""


def parse_document(text: str, what: str = "topology") -> dict[str, Any]:
    """
    Give the mapping that *text* says, with the keys of a *what*.

    Raises:
        TopologyError: it says none; the message begins with the line.
    """
    with _in_one_line():
        loader = Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, MappingNode):
            raise _wrong(node, f"must be a mapping with the keys of a {what}")
        _refuse_bombs(node)
        return dict(loader.construct_document(node))


def parse_value(text: str) -> object:
    """
    Give the one value that *text* says where a file has it after a key.

    Raises:
        TopologyError: it says none that a file may have.
    """
    with _in_one_line(numbered=False):
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if not isinstance(node, ScalarNode):
            raise _wrong(node, "must be a single value")
        _refuse_tag(node)
        return loader.construct_document(node)


@contextmanager
def _in_one_line(*, numbered: bool = True) -> Iterator[None]:
    """Turn what is wrong with a text into our one line, with the text's line or not."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        place = f"line {line}: " if numbered else ""
        raise TopologyError(f"{place}{error.problem}") from error
    except yaml.YAMLError as error:  # A byte that no YAML has: it tells no line.
        raise TopologyError(str(error).splitlines()[0]) from error
    except RecursionError as error:
        raise TopologyError(f"nested deeper than {MAX_DEPTH}") from error
    except ValueError as error:
        raise TopologyError(f"a value is not what its tag says: {error}") from error


def _wrong(node: Node | None, problem: str) -> yaml.MarkedYAMLError:
    """Make the error for something at *node*; the line is added from its mark."""
    mark = node.start_mark if node else None
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _refuse_bombs(root: Node) -> None:
    """
    Refuse a tree that is too large or deep when its aliases are written out.

    A node's size is counted once, however many aliases it has, so that counting is
    quick; merge keys cannot make more of a mapping than its aliases do.
    """
    sizes: dict[int, int] = {}

    def size_of(node: Node, depth: int) -> int:
        if depth > MAX_DEPTH:  # An alias inside its own anchor ends here too.
            raise _wrong(node, f"nested deeper than {MAX_DEPTH}")
        if id(node) not in sizes:
            _refuse_tag(node)
            parts = _parts(node)
            sizes[id(node)] = 1 + sum(size_of(part, depth + 1) for part in parts)
        if sizes[id(node)] > MAX_NODES:
            raise _wrong(node, f"more than {MAX_NODES} values, aliases written out")
        return sizes[id(node)]

    size_of(root, 0)


def _refuse_tag(node: Node) -> None:
    """Refuse dates, sets, Python objects, and numbers that look like others."""
    if node.tag == TAG + "int" and not re.fullmatch(DECIMAL, node.value):
        raise _wrong(node, f"the number {node.value[:40]!r} must be decimal")
    if node.tag not in KNOWN_TAGS:
        raise _wrong(node, f"the tag {node.tag.removeprefix(TAG)!r} is not known here")


def _parts(node: Node) -> list[Node]:
    """Give the keys and values in *node*; refuse a key that is no text or no first."""
    if isinstance(node, ScalarNode):
        return []
    if not isinstance(node, MappingNode):
        return list(node.value)
    seen = set()
    for key, _ in node.value:
        if key.tag not in (TAG + "str", TAG + "merge") or not key.value.isprintable():
            raise _wrong(key, "a key must be a word")
        if key.value in seen:
            raise _wrong(key, f"the key {key.value!r} comes a second time")
        seen.add(key.value)
    return [part for pair in node.value for part in pair]


def in_bytes(document: object, path: str = "") -> object:
    """
    Give a copy in which sizes such as "503G" are numbers of bytes.

    Raises:
        TopologyError: a size is none; begins with its path.
    """
    if isinstance(document, Mapping):
        return {
            key: _size(value, f"{path}{key}")
            if key in SIZE_KEYS and isinstance(value, str)
            else in_bytes(value, f"{path}{key}.")
            for key, value in document.items()
        }
    if isinstance(document, list | tuple):
        stem = path.removesuffix(".")
        return [
            in_bytes(value, f"{stem}[{index}].") for index, value in enumerate(document)
        ]
    return document


def _size(text: str, path: str) -> int:
    """Read one size; its path goes before what is wrong with it."""
    try:
        return parse_size(text)
    except InputError as error:
        raise TopologyError(f"{path}: {error}") from error
