"""What one value of a topology says of another: the engines that queues need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.errors import TopologyError
from mpzswap.topology.check import _sent
from mpzswap.topology.cpus import cpu_count
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import wq_tables
from tests.tools.machines import queues_of


def document(**parts: object) -> dict[str, object]:
    """Give a document with *parts* put in."""
    least = {"memory": "1G", "sockets": [{"cores": 4}], "devices": []}
    return least | parts


def refused(**parts: object) -> str:
    """Give the line with which a document with *parts* is refused; "": it is not."""
    try:
        Topology.from_document(document(**parts))
    except TopologyError as error:
        return str(error)
    return ""


QUEUES = [
    {"name": "a", "size": 8, "group_id": 0},
    {"name": "b", "size": 8, "group_id": 1},
]
# What a local and a global queue need, and what one that does both needs.
DOWN, UP = {"decompress_engines": 4}, {"compress_engines": 1}


@pytest.mark.parametrize(
    ("driver", "groups", "line"),
    [
        ({}, [DOWN, UP], ""),
        ({}, [UP, DOWN], "wqs[1].group_id: 1: must be a group with compress_engines"),
        # As many are global as there are: all are local, and compress.
        (
            {"g_wqs_per_iaa": 2},
            [DOWN, UP],
            "wqs[0].group_id: 0: must be a group with compress_engines, the driver com",
        ),
        ({"g_wqs_per_iaa": 0}, [UP | DOWN, DOWN], "wqs[1].group_id: 1: must be a"),
        # What compresses is verified where it was compressed.
        (
            {"verify_compress": True},
            [DOWN, UP],
            "wqs[1].group_id: 1: must be a group with decompress_engines, the driver v",
        ),
        ({"verify_compress": True}, [DOWN, UP | DOWN], ""),
        (
            {"verify_compress": True, "wq_tables": "package"},
            [DOWN, UP],
            "wqs[1].group_id: 1: must be a group with decompress_engines, the driver v",
        ),
    ],
)
def test_each_rule_says_which_engines_a_queue_needs(
    driver: dict[str, object], groups: list[dict[str, int]], line: str
) -> None:
    """A local queue decompresses, a global one compresses, a generic one does both."""
    said = refused(
        driver={"wq_tables": "global", **driver},
        devices=[{"name": "iax1", "groups": groups, "wqs": QUEUES}],
    )

    assert said.startswith(line and f"devices[0].{line}")
    assert bool(said) == bool(line)


def test_local_queues_compress_if_their_node_has_no_global_one() -> None:
    """One of another node does not help, one of another device does."""
    sockets = [{"cores": 1}, {"cores": 1}]
    groups = [DOWN, UP]
    alone = {"name": "iax1", "groups": groups, "wqs": QUEUES[:1]}
    other = {"name": "iax3", "groups": groups, "wqs": QUEUES}
    driver = {"wq_tables": "global"}

    nothing = refused(sockets=sockets, driver=driver, devices=[alone, other])
    said = refused(
        sockets=sockets, driver=driver, devices=[alone, other | {"numa_node": 1}]
    )

    assert nothing == ""
    assert said.startswith("devices[0].wqs[0].group_id: 0: must be a group with compr")


DRIVERS = st.fixed_dictionaries(
    {
        "wq_tables": st.sampled_from(["package", "global"]),
        "g_comp_wqs_per_iaa": st.integers(0, 2),
        "g_wqs_per_iaa": st.integers(0, 2),
        "distribute_decomps": st.booleans(),
    }
)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), DRIVERS)
def test_driver_sends_to_no_queue_that_was_not_checked_for_it(
    counts: list[int], driver: dict[str, object]
) -> None:
    """As long as all queues are usable; what is left of fewer is another question."""
    devices = [
        {
            "name": f"iax{index}",
            "wqs": [{"name": f"q{place}", "size": 8} for place in range(count)],
        }
        for index, count in enumerate(counts)
    ]
    topology = Topology.from_document(document(devices=devices, driver=driver))
    every = queues_of(topology, range(len(devices)))
    sent = [_sent(topology, device) for device in topology.devices]

    for cpu in range(cpu_count(topology)):
        comp, decomp, _ = wq_tables(topology, cpu, every)
        assert all(wq in sent[device][0] for device, wq in comp)
        assert all(wq in sent[device][1] for device, wq in decomp)
