"""The picture of a topology."""

import re

import pytest

from mpzswap.report.topology import picture, table
from mpzswap.topology import named
from mpzswap.topology.model import (
    Device,
    Group,
    Socket,
    Topology,
    WorkQueue,
)
from tests.tools.machines import changed, machine


@pytest.mark.parametrize("name", named.names())
def test_no_line_is_too_wide_for_a_terminal(name: str) -> None:
    """Each named topology fits in 79 columns, without blanks at the end."""
    lines = picture(Topology.named(name)).splitlines()

    assert max(map(len, lines)) <= 79
    assert all(line == line.rstrip() for line in lines)


def test_devices_queues_and_cpus_are_shown() -> None:
    """Who sees the picture knows which CPUs use which device, and how it is set."""
    text = picture(Topology.named("spr-2s8iaa"))

    assert "node 1   56 cores x 2 threads   CPUs 56-111,168-223\n" in text
    assert "iax15   2 compress, 8 decompress engines   CPUs 98-111,210-223\n" in text
    assert "wq15.0 iaa_crypto   dedicated 128   priority 10   comp+decomp\n" in text
    assert re.search(r"^ +distribute_comps +true$", text, re.MULTILINE)


def test_groups_and_thresholds_are_shown_where_there_are_any() -> None:
    """A device of several groups says which queue belongs to which."""
    device = Device(
        name="iax1",
        groups=(Group(compress_engines=2), Group(decompress_engines=8)),
        wqs=(
            WorkQueue(name="down", size=8, group_id=1),
            WorkQueue(name="up", size=8, mode="shared", threshold=4),
        ),
    )
    text = picture(
        Topology(memory=1 << 30, sockets=(Socket(cores=1),), devices=(device,))
    )

    assert "    |-- group 1   0 compress, 8 decompress engines\n" in text
    assert "    |-- wq1.0 down   dedicated 8   priority 10   group 1   decomp\n" in text
    assert (
        "`-- wq1.1 up   shared 8 threshold 4   priority 10   group 0   comp\n" in text
    )


def test_node_without_a_device_is_said() -> None:
    """Its CPUs are mapped elsewhere, and that is no secret."""
    sockets = (Socket(cores=1), Socket(cores=1))
    text = picture(
        Topology(memory=1 << 30, sockets=sockets, devices=(Device(name="iax1"),))
    )

    assert "no device: its CPUs are shared out among the other nodes' devices" in text
    assert "engines   CPUs 0-1\n" in text
    assert text.count("decompress  iax1/wq1.0\n") == 2


def test_machine_without_devices_is_said_to_have_none() -> None:
    """No other node has any either."""
    text = picture(Topology(memory=1 << 30, sockets=(Socket(cores=1),), devices=()))

    assert "    no device: software does all the work\n" in text


def test_queues_that_cpus_use_in_turn_are_shown() -> None:
    """From the one where they begin; and how long they stay at each."""
    topology = Topology.named("spr-2s8iaa-2wq")
    text = picture(changed(topology, g_consec_descs_per_gwq=4))

    assert (
        "CPUs 14-27,126-139\n"
        "    compress    iax3/wq3.1 iax5/wq5.1 iax7/wq7.1 iax1/wq1.1   4 in a row\n"
        "    decompress  iax3/wq3.0\n"
    ) in text
    assert "wq1.0 local   dedicated 64   priority 10   decomp\n" in text
    assert "wq1.1 global   dedicated 64   priority 10   comp\n" in text


def test_map_of_cpus_is_that_of_the_rule() -> None:
    """Before patch 07 a device had CPUs in ascending order."""
    text = picture(changed(Topology.named("spr-2s8iaa"), cpu_to_iaa="cpus"))

    assert "iax5   2 compress, 8 decompress engines   CPUs 112-139\n" in text
    assert "CPUs 112-139\n    compress    iax5/wq5.0 " in text


def test_queue_that_no_cpu_uses_is_said() -> None:
    """More devices than cores, and what is not mapped has nothing to decompress."""
    topology = machine(wqs=2, nodes=(0,) * 6, distribute_comps=0)
    lines = [line for line in picture(topology).splitlines() if "priority" in line]

    assert [line.rpartition("   ")[2] for line in lines].count("not used") == 4


def test_many_queues_are_not_all_named() -> None:
    """A table of 64 would be nine lines for each of 64 devices."""
    text = picture(machine(nodes=(0,) * 10, g_comp_wqs_per_iaa=0))

    assert "iax6/wq6.0 iax7/wq7.0 and 2 more decompress" in " ".join(text.split())


def test_long_lines_are_folded() -> None:
    """A description of any length stays within the width."""
    topology = Topology(
        memory=1 << 30,
        description="word " * 40 + "x" * 200,
        sockets=(Socket(cores=1),),
        devices=(),
    )

    assert max(map(len, picture(topology).splitlines())) <= 79
    assert max(map(len, table([topology]).splitlines())) <= 79


def test_list_has_one_line_for_each() -> None:
    """Name, figures and as much of the description as there is room."""
    lines = table([Topology.named("spr-1s4iaa")]).splitlines()

    assert lines[0].split() == ["name", "CPUs", "IAA", "memory", "description"]
    assert lines[1].split()[:4] == ["spr-1s4iaa", "112", "4", "503G"]


def test_restart_is_shown_where_there_is_one() -> None:
    """With its pause and its limit; most machines have none."""
    devices = [{"name": "iax0", "restart": "on-failure"}, {"name": "iax1"}]
    shown = picture(
        Topology.from_document(
            {"memory": "1G", "sockets": [{"cores": 2}], "devices": devices}
        )
    )

    assert (
        "|   |-- restart on-failure   after 100 ms, doubled each time   limit 3\n"
        in shown
    )
    assert shown.count("restart") == 1
