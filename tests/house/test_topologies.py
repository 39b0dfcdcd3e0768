"""Every topology that comes with mpzswap is right, and is what its name says."""

import math
import re

import pytest

from mpzswap.codec.table import CODECS
from mpzswap.topology import named
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import COMPRESSORS
from mpzswap.topology.timing import Timing
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


@pytest.mark.parametrize("name", named.timing_names())
def test_timing_profile_loads(name: str) -> None:
    """It passes every check and says what it is."""
    timing = Timing.load(named.timing_path_of(name))

    assert timing.name == name
    assert timing.description


def test_compressors_of_a_timing_profile_are_those_that_there_are() -> None:
    """The room of topologies does not know the codecs."""
    assert sorted(COMPRESSORS) == sorted(CODECS)


@pytest.mark.parametrize("name", FILES)
def test_engines_are_those_that_the_timing_is_for(name: str) -> None:
    """Figures of 2 compress engines say little of one that works alone."""
    topology = Topology.named(name)
    assert topology.timing is not None
    comp, decomp = topology.timing.compress_engines, topology.timing.decompress_engines

    assert {
        (each.compress_engines, each.decompress_engines) for each in topology.devices
    } == {(comp.count, decomp.count)}


def test_published_figures_meet_the_published_latencies() -> None:
    """Zswap_store() a page: one after another, in batches on one IAA, and on four."""
    timing = Timing.named("spr-v14")
    comp = timing.devices["deflate-iaa"].compress
    call_ns = timing.cpu.store_call.ns + comp.call.ns + comp.latency_ns

    def page_ns(pages: int, engines: int) -> float:
        rounds = math.ceil(pages / engines)
        busy_ns = pages * comp.descriptor.ns + rounds * comp.engine_ns(4096)
        return (call_ns + busy_ns) / pages

    assert [page_ns(1, 2), page_ns(8, 2), page_ns(8, 8)] == pytest.approx(
        [3503, 1356, 706], abs=2
    )


def test_two_queues_an_iaa_are_used_as_rfc_v1_used_them() -> None:
    """CPUs of a node compress on all its queues 1, and decompress on one queue 0."""
    topology = Topology.named("spr-2s8iaa-2wq")
    every = queues_of(topology, range(8))

    assert wq_tables(topology, 14, every) == (
        ((1, 1), (2, 1), (3, 1), (0, 1)),
        ((1, 0),),
        1,
    )
