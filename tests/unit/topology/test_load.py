"""Names, files and the schema."""

import re
from pathlib import Path

import pytest

from mpzswap.errors import TopologyError
from mpzswap.topology import named
from mpzswap.topology.load import find_topology, named_topologies
from mpzswap.topology.model import Topology
from mpzswap.topology.schema import schema
from mpzswap.topology.size import SIZE_PATTERN


def test_topology_is_found_by_name_and_by_file() -> None:
    """What commands take as --topology."""
    path = named.path_of("spr-1s4iaa")

    assert find_topology("spr-1s4iaa") == find_topology(str(path))
    assert find_topology("host").name == "host"


def test_unknown_name_is_told_the_known_ones() -> None:
    """One line helps further."""
    with pytest.raises(TopologyError, match=r"'spr-9s': must be .* host, .*spr-2s8iaa"):
        find_topology("spr-9s")
    with pytest.raises(TopologyError, match=r"'\.\./x': must be one of host, "):
        Topology.named("../x")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A name that ends as files do is meant as a file."""
    with pytest.raises(TopologyError, match=r"No such file"):
        find_topology(str(tmp_path / "gone.yaml"))


def test_all_named_topologies_are_listed() -> None:
    """The host comes first."""
    assert tuple(each.name for each in named_topologies()) == named.names()


def test_installed_files_come_before_a_checkout_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel has them inside the package; a checkout at the top."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setattr(named, "FOLDERS", (inside, outside))

    before = named.folder()
    inside.mkdir()

    assert (before, named.folder()) == (outside, inside)


def test_schema_lets_sizes_have_units() -> None:
    """An editor that knows the schema takes 503G and a number of bytes."""
    parts = schema()["$defs"]
    memory = parts["Topology"]["properties"]["memory"]["anyOf"]
    transfer = parts["Device"]["properties"]["max_transfer_size"]

    assert [each["type"] for each in memory] == ["integer", "string"]
    assert transfer["default"] == 2 << 20
    assert re.match(SIZE_PATTERN, "503G")
