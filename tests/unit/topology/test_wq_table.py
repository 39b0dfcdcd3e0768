"""Which queues a CPU uses."""

import pytest

from mpzswap.errors import InputError
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import WqId, wq_tables
from tests.tools.machines import machine


@pytest.mark.parametrize("cpu", [-1, 224])
def test_cpu_that_is_not_there_is_refused(cpu: int) -> None:
    """The message has the number and the limit."""
    topology = Topology.named("spr-2s8iaa")

    with pytest.raises(InputError, match=f"cpu: {cpu}: must be 0 to 223"):
        wq_tables(topology, cpu, [0])


def test_compressions_go_round_the_package_from_the_mapped_device_on() -> None:
    """Four CPUs of four devices begin with four queues; decompressions stay near."""
    topology = Topology.named("spr-2s8iaa")
    tables = wq_tables(topology, 28, range(8))

    assert [wq.device for wq in tables.comp] == [2, 3, 0, 1]
    assert tables.decomp == (WqId(2, 0),)
    assert [wq.device for wq in wq_tables(topology, 168, range(8)).comp] == [4, 5, 6, 7]


def test_last_queues_of_a_device_compress_and_the_others_decompress() -> None:
    """With more queues than g_comp_wqs_per_iaa work is kept apart."""
    tables = wq_tables(machine(wqs=3, g_comp_wqs_per_iaa=1), 0, [0, 1])

    assert tables.comp == ((0, 2), (1, 2))
    assert tables.decomp == ((0, 0), (0, 1))


@pytest.mark.parametrize("g_comp_wqs_per_iaa", [0, 2, 3])
def test_without_queues_to_spare_all_do_both(g_comp_wqs_per_iaa: int) -> None:
    """As many queues as are set aside for compression, or none set aside: generic."""
    topology = machine(
        wqs=2, g_comp_wqs_per_iaa=g_comp_wqs_per_iaa, distribute_decomps=1
    )
    tables = wq_tables(topology, 0, [0, 1])

    assert tables.comp == tables.decomp == ((0, 0), (1, 0), (0, 1), (1, 1))


def test_nothing_is_distributed_if_the_driver_says_so() -> None:
    """The mapped device then has all the work of its CPUs."""
    tables = wq_tables(machine(distribute_comps=0), 2, [0, 1])

    assert tables == (((1, 0),), ((1, 0),))


def test_neighbours_begin_with_different_queues_of_their_device() -> None:
    """CPUs that share a device do not all queue up at its first queue."""
    topology = machine(wqs=2, nodes=(0,), g_comp_wqs_per_iaa=0)
    firsts = [wq_tables(topology, cpu, [0]).comp[0] for cpu in range(4)]

    assert firsts == [(0, 0), (0, 1), (0, 0), (0, 1)]


def test_tables_have_usable_devices_alone() -> None:
    """A device that died is in no table, nor are queues of another package."""
    topology = machine(nodes=(0, 0, 1))

    assert [wq.device for wq in wq_tables(topology, 0, [1, 2]).comp] == [1]
    assert [wq.device for wq in wq_tables(topology, 4, [0, 1]).comp] == [0, 1]
