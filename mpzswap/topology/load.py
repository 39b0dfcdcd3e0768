"""
Find the topology that a command is given, by name or by file; list those we have.

A change, such as ``driver.sync_mode=sync``, writes an attribute in place of the
topology's: its memory, its timing profile, a setting of its driver or of zswap, or
one of all devices.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mpzswap.errors import TopologyError
from mpzswap.topology import named
from mpzswap.topology.document import parse_value
from mpzswap.topology.model import Topology

# What a change may have before its "=".
CHANGEABLE = r"memory|timing|(driver|zswap|devices)\.\w+"
# A key longer than this is cut, so that the line stays a line.
MAX_KEY_CHARACTERS = 40
# The same of the name of a file.
MAX_NAME_CHARACTERS = 255


def find_topology(name_or_file: str, changes: Iterable[str] = ()) -> Topology:
    """
    Give the named topology, or else the one in the file, with *changes*.

    Raises:
        TopologyError: neither is there, the file is wrong, or a change is.
    """
    return changed(_find(name_or_file), changes)


def changed(topology: Topology, changes: Iterable[str]) -> Topology:
    """
    Give *topology* with *changes*, checked as a file is; of a key the last one holds.

    Raises:
        TopologyError: one is wrong, or together they do not fit the rest.
    """
    document = msgspec.to_builtins(topology)
    for change in changes:
        key, value = _parse_change(change)
        *room, name = key.split(".")
        part = document[room[0]] if room else document
        for each in part if isinstance(part, list | tuple) else [part]:
            each[name] = value
    return Topology.from_document(document)


def _parse_change(change: str) -> tuple[str, object]:
    """Give the key and the value, read as a file has it."""
    key, equals, text = change.partition("=")
    shown = repr(key[:MAX_KEY_CHARACTERS])
    if not equals:
        raise TopologyError(f"set: {shown}: must be KEY=VALUE")
    if not re.fullmatch(CHANGEABLE, key, re.ASCII):
        raise TopologyError(
            f"set: {shown}: unknown key, must be memory, driver.NAME, zswap.NAME, "
            "devices.NAME or timing"
        )
    try:
        return key, parse_value(text)
    except TopologyError as error:
        raise TopologyError(f"{key}: {error}") from error


def _find(name_or_file: str) -> Topology:
    """Give the topology of that name, or else in that file."""
    known = named.names()
    if name_or_file in known:
        return Topology.named(name_or_file)
    try:
        is_file = Path(name_or_file).is_file()
    except OSError as error:  # Too long for a name, say.
        shown = repr(name_or_file[:MAX_NAME_CHARACTERS])
        raise TopologyError(f"topology: {shown}: {error.strerror}") from error
    if is_file or name_or_file.endswith((".yaml", ".yml")):
        return Topology.load(name_or_file)
    raise TopologyError(
        f"topology: {name_or_file!r}: must be a file or one of {', '.join(known)}"
    )


def named_topologies() -> list[Topology]:
    """Give every named topology, the host's first."""
    return [Topology.named(name) for name in named.names()]
