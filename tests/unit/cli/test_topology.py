"""The command `topology`."""

import argparse
from pathlib import Path

import msgspec
import pytest

from mpzswap.cli import topology as command
from mpzswap.errors import InputError, TopologyError
from mpzswap.topology.model import Topology


def run(*words: str) -> int:
    """Run the command with these words."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_list_names_the_host_first(capsys: pytest.CaptureFixture[str]) -> None:
    """What needs no file is met first."""
    assert run("list") == 0

    assert capsys.readouterr().out.splitlines()[1].startswith("host ")


def test_list_as_json_has_units_in_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """A script finds the same figures, and nothing else on standard output."""
    run("list", "--json", "-")
    data = msgspec.json.decode(capsys.readouterr().out)

    assert data["format"] == 1
    assert data["topologies"][-2] == {
        "name": "spr-2s8iaa",
        "description": "Sapphire Rapids, 2 sockets, 8 IAA",
        "cpus": 224,
        "devices": 8,
        "memory_bytes": 503 << 30,
    }


def test_shown_json_is_a_topology_file_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wants a file of their own begins with one that is right."""
    file = str(tmp_path / "mine.yaml")

    assert run("show", "spr-1s4iaa", "--json", file) == 0
    assert run("check", file) == 0
    assert Topology.load(file) == Topology.named("spr-1s4iaa")
    assert capsys.readouterr().out.endswith(f"{file}: nothing wrong\n")


def test_changes_are_in_what_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a file of one's own begins with them."""
    file = str(tmp_path / "mine.yaml")

    run("show", "spr-1s4iaa", "--set", "driver.cpu_to_iaa=cpus", "--json", file)

    assert Topology.load(file).driver.cpu_to_iaa == "cpus"
    assert "    cpu_to_iaa              cpus\n" in capsys.readouterr().out


def test_check_raises_what_is_wrong(tmp_path: Path) -> None:
    """The one place that catches prints it and exits with 2."""
    file = tmp_path / "bad.yaml"
    file.write_text("{memory: 1G, sockets: [], devices: []}")

    with pytest.raises(TopologyError, match=r"^sockets: a list of 0"):
        run("check", str(file))


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors read it from standard output or from a file."""
    run("schema")

    assert "Topology" in msgspec.json.decode(capsys.readouterr().out)["$defs"]


def test_json_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is not there is the caller's mistake."""
    with pytest.raises(InputError, match=r"--json: .*No such file"):
        run("list", "--json", str(tmp_path / "no" / "a.json"))
