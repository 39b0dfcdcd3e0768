"""Each room imports only what it may: contracts and leaves, never another actor."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mpzswap

PACKAGE = Path(mpzswap.__file__).parent

# What each room may import besides itself, errors and what lies outside.
CONTRACTS = {"page", "acomp", "ring", "completion", "topology", "clock"}
LEAVES = {"codec", "report"}
ACTORS = {"zswap", "driver", "device"}
MAY_IMPORT = {
    "page": set(),
    "clock": set(),
    "codec": set(),
    "ring": {"page"},
    "completion": {"ring", "page", "clock"},
    "acomp": {"page", "ring", "completion", "clock", "topology"},
    # A fault names a status.
    "topology": {"page", "completion"},
    "zswap": CONTRACTS | LEAVES,
    "driver": CONTRACTS | LEAVES,
    "device": CONTRACTS | LEAVES,
    "machine": CONTRACTS | LEAVES | ACTORS,
    "workload": CONTRACTS | LEAVES | ACTORS | {"machine"},
    "report": CONTRACTS,
    "cli": CONTRACTS | LEAVES | {"machine", "workload"},
}


def imports_of(source: str) -> Iterator[str]:
    """Give each mpzswap module that *source* names in an import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where a thing lives"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strays_in(room: str, source: str) -> list[str]:
    """
    Give the imports of *source* that *room* may not have.

    The package by itself is its public API, and that is the users'.  What asks
    importlib by a string is not seen.
    """
    allowed = MAY_IMPORT[room] | {room, "errors", "version"}
    parts = (name.split(".") for name in imports_of(source))
    names = [
        part[1] if part[1:] else "mpzswap" for part in parts if part[0] == "mpzswap"
    ]
    return [name for name in names if name not in allowed]


def test_modules_outside_the_rooms_are_few() -> None:
    """They import no room, but for the public names and the way in."""
    sources = {path.stem: path.read_text() for path in PACKAGE.glob("*.py")}

    assert set(sources) == {"__init__", "__main__", "errors", "version"}
    for name in ("errors", "version"):
        assert not [i for i in imports_of(sources[name]) if i.startswith("mpzswap")]


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_room_imports_only_what_it_may(room: str) -> None:
    """A room that acts knows contracts; another actor could be replaced unseen."""
    strays = {
        str(path.relative_to(PACKAGE)): strays_in(room, path.read_text())
        for path in sorted((PACKAGE / room).glob("**/*.py"))
    }

    assert {path: found for path, found in strays.items() if found} == {}


def test_every_room_is_in_the_table() -> None:
    """A new folder has to be given its place in the house."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert rooms == set(MAY_IMPORT)


def test_stray_import_is_found() -> None:
    """The test of the rooms can fail: an actor in another actor's room is seen."""
    source = "from mpzswap.driver import prepare\nimport mpzswap.device.main, mpzswap\n"

    assert strays_in("zswap", source) == ["driver", "device", "mpzswap"]
