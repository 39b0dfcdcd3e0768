"""Faults of a command are put into the devices of a topology."""

import pytest

from mpzswap.errors import InputError, TopologyError
from mpzswap.report.topology import picture
from mpzswap.topology.inject import damages_compressions, fault_lines, with_faults
from mpzswap.topology.model import Device, Topology
from tests.tools.machines import machine


def faults_of(topology: Topology) -> list[tuple[str, ...]]:
    """Give the faults of each device."""
    return [device.faults for device in topology.devices]


def test_fault_is_of_every_device_unless_it_names_one() -> None:
    """What names one has it left out then; what has no seed gets the run's."""
    lines = ["lost:p=1%,seed=3", "crash:after=5,device=iax1"]

    assert faults_of(with_faults(machine(), lines, 7)) == [
        ("lost:p=0.01,seed=3",),
        ("lost:p=0.01,seed=3", "crash:after=5,seed=7"),
    ]


def test_faults_of_the_topology_come_first_and_get_the_run_s_seed() -> None:
    """They are part of the run as any other."""
    topology = with_faults(machine(), ["late:delay=5ms"], 1)

    assert (
        faults_of(with_faults(topology, ["stop:seed=2"], 4))
        == [("late:seed=1,delay=5ms", "stop:seed=2")] * 2
    )


def test_topology_without_faults_stays_as_it_is() -> None:
    """To the last value."""
    assert with_faults(machine(), [], 7) == machine()


def test_queue_may_be_of_some_devices_alone() -> None:
    """Without a device named, those that have it are meant."""
    one, two = machine(1, (0,)).devices[0], machine(2, (0, 0)).devices[1]
    topology = Topology(memory=1 << 30, sockets=machine().sockets, devices=(one, two))

    assert faults_of(with_faults(topology, ["lost:wq=q1,seed=0"], 0)) == [
        (),
        ("lost:wq=q1,seed=0",),
    ]


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("lose", "inject: lose: 'lose': must be one of wrong_data"),
        ("lost:device=iax7", "inject: device: 'iax7': must be one of iax0, iax1"),
        ("lost:wq=3", "inject: wq: '3': must be a queue of any device"),
        ("lost:wq=3,device=iax1", "inject: wq: '3': must be a queue of iax1"),
    ],
)
def test_fault_of_what_is_not_there_is_refused(line: str, refusal: str) -> None:
    """It would be injected nowhere, and nobody would notice."""
    with pytest.raises(InputError) as caught:
        with_faults(machine(), [line], 0)

    assert str(caught.value).startswith(refusal)


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("lose", "devices[0].faults[1]: lose: 'lose': must be one of wrong_data"),
        (
            "lost:device=iax0",
            "devices[0].faults[1]: lost:device=iax0: device: iax0: only --inject takes",
        ),
        ("lost:wq=1", "devices[0].faults[1]: lost:wq=1: wq: 1: must be below 1 or one"),
    ],
)
def test_wrong_fault_of_a_file_is_named_by_its_path(line: str, refusal: str) -> None:
    """As any other value of it."""
    document = {
        "memory": "1G",
        "sockets": [{"cores": 1}],
        "devices": [{"name": "iax0", "faults": ["crash", line]}],
    }
    with pytest.raises(TopologyError) as caught:
        Topology.from_document(document)

    assert str(caught.value).startswith(refusal)


def test_faults_are_told_as_inject_takes_them() -> None:
    """So that a run can be repeated by its report."""
    topology = with_faults(machine(), ["lost:p=1%", "stop:device=iax0"], 7)
    lines = fault_lines(topology)

    assert lines == (
        "lost:device=iax0,p=0.01,seed=7",
        "stop:device=iax0,seed=7",
        "lost:device=iax1,p=0.01,seed=7",
    )
    assert with_faults(machine(), lines, 9) == topology


@pytest.mark.parametrize(
    ("line", "expected"),
    [("wrong_data", True), ("truncated:op=decompress", False), ("lost", False)],
)
def test_damage_of_compressions_is_told(line: str, *, expected: bool) -> None:
    """So that it can be looked for."""
    assert damages_compressions(with_faults(machine(), [line], 0)) is expected


def test_faults_are_in_the_picture() -> None:
    """Whoever looks at a topology sees them."""
    topology = with_faults(machine(), ["lost:p=1%,device=iax1"], 7)

    assert "fault lost:p=0.01,seed=7" in picture(topology)


def test_faults_travel_with_their_device() -> None:
    """As JSON, to its process."""
    topology = with_faults(machine(), ["lost:p=1%"], 7)

    assert Topology.from_json(topology.to_json()) == topology
    assert Device(name="iax0").faults == ()
