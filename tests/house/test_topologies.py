"""Every topology that comes with mpzswap is right, and is what its name says."""

import re

import pytest

from mpzswap.topology import named
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import wq_tables
from tests.tools.machines import queues_of

FILES = named.names()[1:]


def test_the_promised_topologies_are_there() -> None:
    """Examples and tests elsewhere use these names."""
    promised = {"laptop-2iaa", "spr-1s1iaa", "spr-1s4iaa", "spr-2s8iaa"}

    assert set(FILES) >= promised | {"spr-2s8iaa-2wq"}


@pytest.mark.parametrize("name", FILES)
def test_file_loads(name: str) -> None:
    """It passes every check and says what it is."""
    topology = Topology.load(named.path_of(name))

    assert topology.name == name
    assert 0 < len(topology.description) <= 43  # what `topology list` has room for


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("spr-")])
def test_published_server_has_the_published_figures(name: str) -> None:
    """56 cores x 2 threads a socket, 2 + 8 engines and 128 entries an IAA, 503 GiB."""
    topology = Topology.named(name)
    sockets, devices, wqs = map(int, re.findall(r"(\d+)", name + "-1wq")[:3])

    assert topology.memory == 503 << 30
    assert {(each.cores, each.threads) for each in topology.sockets} == {(56, 2)}
    assert len(topology.sockets) == sockets
    assert len(topology.devices) == devices
    for index, device in enumerate(topology.devices):
        assert device.name == f"iax{2 * index + 1}"
        assert (device.compress_engines, device.decompress_engines) == (2, 8)
        assert [wq.size for wq in device.wqs] == [128 // wqs] * wqs


def test_two_queues_an_iaa_are_used_as_rfc_v1_used_them() -> None:
    """CPUs of a node compress on all its queues 1, and decompress on one queue 0."""
    topology = Topology.named("spr-2s8iaa-2wq")
    every = queues_of(topology, range(8))

    assert wq_tables(topology, 14, every) == (
        ((1, 1), (2, 1), (3, 1), (0, 1)),
        ((1, 0),),
        1,
    )
