"""Which queues a CPU uses."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.errors import InputError
from mpzswap.topology.cpus import cpu_count, cpus_of
from mpzswap.topology.mapping import device_map
from mpzswap.topology.model import Device, Group, Socket, Topology, WorkQueue
from mpzswap.topology.settings import DriverSettings
from mpzswap.topology.wq_table import WqId, WqTables, wq_tables
from tests.tools.machines import changed, machine, queues_of, sockets

BOTH = Group(compress_engines=1, decompress_engines=1)
DOWN = Group(decompress_engines=1)
UP = Group(compress_engines=1)
DRIVERS = st.builds(
    DriverSettings,
    wq_tables=st.sampled_from(["package", "global"]),
    cpu_to_iaa=st.sampled_from(["cores", "cpus"]),
    g_comp_wqs_per_iaa=st.integers(0, 3),
    g_wqs_per_iaa=st.integers(0, 3),
    global_wq_start=st.sampled_from(["staggered", "literal"]),
    distribute_comps=st.booleans(),
    distribute_decomps=st.booleans(),
)


def tables(topology: Topology, cpu: int = 0, without: Sequence[WqId] = ()) -> WqTables:
    """Give the queues of *cpu*, all usable but for some."""
    every = queues_of(topology, range(len(topology.devices)))
    return wq_tables(topology, cpu, set(every) - set(without))


def published(wqs: int, **driver: int | str) -> Topology:
    """Give the published server with *wqs* queues a device."""
    topology = Topology.named("spr-2s8iaa")
    queues = tuple(WorkQueue(name=f"q{wq}", size=128 // wqs) for wq in range(wqs))
    replace = msgspec.structs.replace
    devices = tuple(replace(device, wqs=queues) for device in topology.devices)
    return changed(replace(topology, devices=devices), **driver)


def grouped(*wqs: Group, **driver: int | str) -> Topology:
    """Give a machine whose devices have queues in these groups."""
    groups = (BOTH, DOWN, UP)
    queues = tuple(
        WorkQueue(name=f"q{wq}", size=8, group_id=groups.index(group))
        for wq, group in enumerate(wqs)
    )
    return Topology(
        memory=1 << 30,
        sockets=(Socket(cores=4),),
        devices=tuple(
            Device(name=name, groups=groups, wqs=queues) for name in ("iax0", "iax1")
        ),
        driver=msgspec.structs.replace(DriverSettings(), **driver),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Topology, set[WqId]]:
    """Give a machine of any shape and rule, and those of its queues that are usable."""
    shape = draw(sockets())
    wqs = st.lists(st.builds(WorkQueue, size=st.just(8)), min_size=1, max_size=4)
    devices = [
        Device(
            name=f"iax{index}",
            numa_node=draw(st.integers(0, len(shape) - 1)),
            wqs=tuple(
                msgspec.structs.replace(wq, name=f"q{place}")
                for place, wq in enumerate(draw(wqs))
            ),
        )
        for index in range(draw(st.integers(1, 5)))
    ]
    topology = Topology(
        memory=1 << 30,
        sockets=shape,
        devices=tuple(devices),
        driver=draw(DRIVERS),
    )
    every = queues_of(topology, range(len(devices)))
    return topology, draw(st.sets(st.sampled_from(every), min_size=1))


@pytest.mark.parametrize("cpu", [-1, 224])
def test_cpu_that_is_not_there_is_refused(cpu: int) -> None:
    """The message has the number and the limit."""
    with pytest.raises(InputError, match=f"cpu: {cpu}: must be 0 to 223"):
        tables(Topology.named("spr-2s8iaa"), cpu)


@pytest.mark.parametrize("rule", ["package", "global"])
def test_tables_without_any_queue_are_empty(rule: str) -> None:
    """The driver then has software only."""
    assert wq_tables(machine(wq_tables=rule), 0, []) == ((), (), 1)


@given(cases())
def test_every_cpu_has_usable_queues_for_both_kinds_of_work(
    case: tuple[Topology, set[WqId]],
) -> None:
    """As long as one queue of the whole machine is left, and none comes twice."""
    topology, usable = case

    for cpu in range(cpu_count(topology)):
        for table in wq_tables(topology, cpu, usable)[:2]:
            assert table
            assert set(table) <= usable
            assert len(set(table)) == len(table)


@given(cases())
def test_tables_stay_on_the_node_while_it_has_a_queue(
    case: tuple[Topology, set[WqId]],
) -> None:
    """Another node's device is farther than a busy one."""
    topology, usable = case
    node_of = [device.numa_node for device in topology.devices]

    for node in {node_of[wq.device] for wq in usable}:
        for cpu in cpus_of(topology, node):
            comp, decomp, _ = wq_tables(topology, cpu, usable)
            assert {node_of[wq.device] for wq in comp + decomp} == {node}


# Version 14's rule


def test_compressions_go_round_the_package_from_the_mapped_device_on() -> None:
    """Four CPUs of four devices begin with four queues; decompressions stay near."""
    topology = Topology.named("spr-2s8iaa")
    found = tables(topology, 28)

    assert [wq.device for wq in found.comp] == [2, 3, 0, 1]
    assert found.decomp == (WqId(2, 0),)
    assert [wq.device for wq in tables(topology, 168).comp] == [4, 5, 6, 7]


def test_last_queues_of_a_device_compress_and_the_others_decompress() -> None:
    """With more queues than g_comp_wqs_per_iaa work is kept apart."""
    found = tables(machine(wqs=3, g_comp_wqs_per_iaa=1))

    assert found == (((0, 2), (1, 2)), ((0, 0), (0, 1)), 1)


@pytest.mark.parametrize("g_comp_wqs_per_iaa", [0, 2, 3])
def test_without_queues_to_spare_all_do_both(g_comp_wqs_per_iaa: int) -> None:
    """As many queues as are set aside for compression, or none set aside: generic."""
    topology = machine(
        wqs=2, g_comp_wqs_per_iaa=g_comp_wqs_per_iaa, distribute_decomps=1
    )
    found = tables(topology)

    assert found.comp == found.decomp == ((0, 0), (1, 0), (0, 1), (1, 1))


def test_nothing_is_distributed_if_the_driver_says_so() -> None:
    """The mapped device then has all the work of its CPUs."""
    found = tables(machine(distribute_comps=0), 2)

    assert found == (((1, 0),), ((1, 0),), 1)


def test_neighbours_begin_with_different_queues_of_their_device() -> None:
    """CPUs that share a device do not all queue up at its first queue."""
    topology = machine(wqs=2, nodes=(0,), g_comp_wqs_per_iaa=0)
    firsts = [tables(topology, cpu).comp[0] for cpu in range(4)]

    assert firsts == [(0, 0), (0, 1), (0, 0), (0, 1)]


def test_tables_have_queues_of_usable_devices_alone() -> None:
    """A device that died is in no table, nor are queues of another package."""
    topology = machine(nodes=(0, 0, 1))
    first, last = queues_of(topology, [0]), queues_of(topology, [2])

    assert [wq.device for wq in tables(topology, 0, first).comp] == [1]
    assert [wq.device for wq in tables(topology, 4, last).comp] == [0, 1]


def test_queue_that_goes_leaves_its_work_to_the_others_of_its_device() -> None:
    """The split is of the queues that are left: one that is alone does both."""
    topology = machine(wqs=3, nodes=(0,))
    split = [tables(topology, 0, [WqId(0, 2)]), tables(topology)]
    alone = tables(topology, 0, queues_of(topology, [0])[1:])

    assert split == [
        (((0, 1),), ((0, 0),), 1),
        (((0, 2),), ((0, 0), (0, 1)), 1),
    ]
    assert alone == (((0, 0),), ((0, 0),), 1)


# RFC v1's rule


def test_cpus_of_a_node_compress_on_its_global_queues_and_decompress_near() -> None:
    """CPU 20 is mapped to iax3: it decompresses there, and compresses from there on."""
    found = tables(published(2, wq_tables="global"), 20)

    assert found.comp == ((1, 1), (2, 1), (3, 1), (0, 1))
    assert found.decomp == ((1, 0),)


def test_all_global_queues_of_a_device_come_before_those_of_the_next() -> None:
    """As the patch fills its table: device by device."""
    topology = machine(wqs=3, wq_tables="global", g_wqs_per_iaa=2)

    assert tables(topology).comp == ((0, 1), (0, 2), (1, 1), (1, 2))


def test_cpus_of_all_devices_begin_at_all_devices() -> None:
    """The first queues of a node's CPUs are spread evenly, 28 CPUs a queue."""
    topology = published(2, wq_tables="global")
    firsts = Counter(tables(topology, cpu).comp[0] for cpu in range(224))

    assert firsts == {WqId(device, 1): 28 for device in range(8)}


def test_the_patch_s_arithmetic_starts_every_cpu_at_slot_0() -> None:
    """It divides a node's 4 queues by the 8 devices of both."""
    topology = published(2, wq_tables="global", global_wq_start="literal")

    for node, first in enumerate((0, 4)):
        for cpu in cpus_of(topology, node):
            assert [wq.device for wq in tables(topology, cpu).comp] == list(
                range(first, first + 4)
            )


def test_the_patch_s_arithmetic_is_right_on_one_socket() -> None:
    """4 queues of 4 devices: one slot a device, as it is described."""
    topology = machine(wqs=2, wq_tables="global")
    literal = changed(topology, global_wq_start="literal")

    for cpu in cpus_of(topology, 0):
        assert tables(literal, cpu) == tables(topology, cpu)


def test_the_patch_s_arithmetic_starts_node_1_half_a_node_on() -> None:
    """8 queues of 8 devices are one slot a device, and node 1 has devices 4 to 7."""
    topology = published(3, wq_tables="global", g_wqs_per_iaa=2)
    literal = changed(topology, global_wq_start="literal")
    firsts = {tables(literal, cpu).comp[0] for cpu in cpus_of(literal, 1)}

    assert firsts == {(6, 1), (6, 2), (7, 1), (7, 2)}


def test_global_queues_have_so_many_descriptors_in_a_row() -> None:
    """Local ones have one each, whatever g_consec_descs_per_gwq says."""
    both = [
        machine(wqs=wqs, wq_tables="global", g_consec_descs_per_gwq=4) for wqs in (1, 2)
    ]

    assert [tables(topology).comp_consec for topology in both] == [1, 4]


@pytest.mark.parametrize("g_wqs_per_iaa", [0, 2, 8])
def test_without_global_queues_the_mapped_device_has_all_the_work(
    g_wqs_per_iaa: int,
) -> None:
    """None are set aside, or no device has more queues than are."""
    topology = machine(wqs=2, wq_tables="global", g_wqs_per_iaa=g_wqs_per_iaa)
    found = tables(topology, 2)

    assert found == (((1, 0), (1, 1)), ((1, 0), (1, 1)), 1)


@given(cases())
def test_local_queues_compress_only_where_the_node_has_no_global_one(
    case: tuple[Topology, set[WqId]],
) -> None:
    """And the mapped device alone decompresses."""
    topology = changed(case[0], wq_tables="global", global_wq_start="staggered")
    usable = case[1]
    left = {d: sorted(w for w in usable if w.device == d) for d, _ in sorted(usable)}
    split = {d: topology.driver.split_global(len(left[d])) for d in left}
    shared = [left[d][place] for d in left for place in split[d][0]]

    for cpu, mapped in device_map(topology, left).items():
        comp, decomp, _ = wq_tables(topology, cpu, usable)
        local = tuple(left[mapped][place] for place in split[mapped][1])
        assert decomp == local
        assert comp == local or set(comp) <= set(shared)
        assert comp[0].device == mapped or mapped not in dict(shared)


@given(cases())
def test_with_no_global_queues_wanted_the_mapped_device_is_used_alone(
    case: tuple[Topology, set[WqId]],
) -> None:
    """Whatever its queues and those of others are."""
    topology = changed(case[0], wq_tables="global", g_wqs_per_iaa=0)
    mapped = device_map(topology, {wq.device for wq in case[1]})

    for cpu in range(cpu_count(topology)):
        comp, decomp, _ = wq_tables(topology, cpu, case[1])
        assert {wq.device for wq in comp + decomp} == {mapped[cpu]}


def test_queue_that_goes_and_comes_moves_the_split_there_and_back() -> None:
    """The last of the queues that are left is global; one that is alone is local."""
    topology = machine(wqs=3, wq_tables="global")
    gone = tables(topology, 0, [WqId(0, 2)])
    alone = tables(topology, 0, [WqId(0, 1), WqId(0, 2)])

    assert (gone.comp, gone.decomp) == (((0, 1), (1, 2)), ((0, 0),))
    assert (alone.comp, alone.decomp) == (((1, 2),), ((0, 0),))
    assert tables(topology).comp == ((0, 2), (1, 2))


def test_device_that_goes_takes_its_queues_along() -> None:
    """Its CPUs have those of another device, from that one on."""
    topology = machine(wqs=2, wq_tables="global")

    found = tables(topology, 0, queues_of(topology, [0]))

    assert found == (((1, 1),), ((1, 0),), 1)


def test_node_without_a_device_compresses_on_all_global_queues() -> None:
    """Which node is near is not on paper, so all are."""
    found = tables(machine(wqs=2, wq_tables="global"), 6)

    assert (found.comp, found.decomp) == (((1, 1), (0, 1)), ((1, 0),))


# Engines


@pytest.mark.parametrize("rule", ["package", "global"])
def test_queue_without_engines_for_the_work_is_left_out(rule: str) -> None:
    """Without queue 2, the last one left would compress, and its group cannot."""
    topology = grouped(BOTH, DOWN, UP, wq_tables=rule, distribute_comps=0)

    first, second = (WqId(device, 2) for device in (0, 1))
    found = tables(topology, 0, [first, second])

    assert (found.comp, found.decomp) == (((0, 0),), ((0, 0),))
    assert tables(topology).comp[0] == first


@pytest.mark.parametrize("rule", ["package", "global"])
def test_device_without_engines_for_the_work_leaves_it_to_another(rule: str) -> None:
    """Also where the work should stay on the mapped one."""
    topology = grouped(DOWN, UP, wq_tables=rule, distribute_comps=0)

    no_comp = tables(topology, 0, [WqId(0, 1)])
    no_decomp = tables(topology, 0, [WqId(0, 0)])

    assert (no_comp.comp, no_comp.decomp) == (((1, 1),), ((0, 0),))
    assert no_decomp.decomp == ((1, 0),)


@pytest.mark.parametrize("rule", ["package", "global"])
def test_work_that_no_queue_has_engines_for_has_no_table(rule: str) -> None:
    """Software does it; the other work still has its queue."""
    topology = grouped(DOWN, UP, wq_tables=rule)

    found = tables(topology, 0, [WqId(0, 0), WqId(1, 0)])

    assert found.comp[0] == (0, 1)
    assert found.decomp == ()
