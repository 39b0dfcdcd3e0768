"""What stress and bench take, and in which limits."""

import argparse
from types import ModuleType
from typing import get_args

import pytest
from msgspec.structs import fields

from mpzswap.cli import bench, stress
from mpzswap.topology.fault_line import FIELD_OF_KEY
from mpzswap.topology.faults import Kind
from mpzswap.topology.settings import Batching, SyncMode, ZswapSettings


def parsed(command: ModuleType, *words: str) -> argparse.Namespace:
    """Parse the words of a command."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("command", [bench, stress])
def test_machine_and_pages_are_the_same_in_both(command: ModuleType) -> None:
    """Who names none gets the host and the mixed pages."""
    args = parsed(command)

    assert (args.topology, args.pages) == ("host", "mix:mixed")
    assert args.changes == []


@pytest.mark.parametrize("command", [bench, stress])
def test_changes_of_the_topology_are_kept_in_order(command: ModuleType) -> None:
    """Of one key the last holds, so their order counts."""
    args = parsed(command, "--set", "memory=1G", "--set", "zswap.batching=off")

    assert args.changes == ["memory=1G", "zswap.batching=off"]


@pytest.mark.parametrize("batching", get_args(Batching))
def test_every_batching_mode_can_be_asked_for(batching: str) -> None:
    """As the topology may say it."""
    assert parsed(stress, "--batching", batching).batching == batching


def test_every_sync_mode_can_be_swept() -> None:
    """Who names none gets the topology's."""
    modes = get_args(SyncMode)

    assert parsed(bench, "--sync-mode", ",".join(modes)).sync_mode == modes
    assert parsed(bench).sync_mode is None


@pytest.mark.parametrize(
    ("option", "name"),
    [("--batch-size", "batch_size"), ("--reclaim-batch", "compress_batchsize")],
)
def test_limits_are_those_of_the_topology(option: str, name: str) -> None:
    """A plan may have what a topology may have, and no more."""
    kind = next(field.type for field in fields(ZswapSettings) if field.name == name)
    highest = kind.__metadata__[0].le

    parsed(stress, option, str(highest))
    with pytest.raises(argparse.ArgumentError, match=f"from 1 to {highest}"):
        parsed(stress, option, str(highest + 1))


def test_faults_are_kept_in_order() -> None:
    """Of two that would make the same answer the first does."""
    words = ("--inject", "lost:p=1%", "--inject", "late")

    assert parsed(stress, *words).faults == ["lost:p=1%", "late"]
    assert parsed(stress).faults == []


def test_help_has_every_kind_of_fault_and_every_key() -> None:
    """Whoever wants one need not look elsewhere."""
    parser = argparse.ArgumentParser()
    stress.add_arguments(parser)
    text = parser.format_help()

    assert [word for word in (*Kind, *FIELD_OF_KEY) if word not in text] == []


def test_checks_are_made_unless_they_are_not_asked_for() -> None:
    """The plan is told either way."""
    assert parsed(stress).verify
    assert not parsed(stress, "--no-verify").verify
