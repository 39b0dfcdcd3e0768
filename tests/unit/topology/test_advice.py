"""What hardware makes of a topology that is not wrong."""

import pytest

from mpzswap.topology.advice import advice
from mpzswap.topology.load import named_topologies
from mpzswap.topology.model import Device, Group, Socket, Topology, WorkQueue
from mpzswap.topology.timing import Timing

ALL = Group(compress_engines=2, decompress_engines=8)
QUEUE = WorkQueue(size=64)
IDLE = (
    "devices[0].groups: queues reach 1 of 8 decompress_engines: most of the device "
    "is idle, as by the kernel's defaults once, which used 1 engine of 8"
)


def told(*devices: Device, cores: int = 8) -> list[str]:
    """Give the advice for a socket with these devices."""
    machine = Topology(
        memory=1 << 30, sockets=(Socket(cores=cores),), devices=tuple(devices)
    )
    return [*advice(machine)]


def device(*wqs: WorkQueue, groups: tuple[Group, ...] = (ALL,), **more: int) -> Device:
    """Give a device with 2 and 8 engines."""
    return Device(name="iax1", wqs=wqs, groups=groups, **more)  # type: ignore[arg-type] # engines


@pytest.mark.parametrize(
    ("name", "warned"),
    [("spr-2s8iaa", 0), ("spr-1s4iaa", 0), ("laptop-2iaa", 0), ("spr-1s1iaa", 1)],
)
def test_published_machines_are_as_hardware_likes_them(name: str, warned: int) -> None:
    """But for the one on which all CPUs contend for an IAA."""
    (machine,) = [each for each in named_topologies() if each.name == name]

    assert len([*advice(machine)]) == warned


def test_engines_in_no_group_are_told() -> None:
    """They are idle."""
    group = Group(compress_engines=2, decompress_engines=7)

    assert told(device(QUEUE, groups=(group,))) == [
        "devices[0].decompress_engines: 1 of 8 are in no group, and idle"
    ]


def test_device_that_is_mostly_idle_is_told() -> None:
    """As by the kernel's defaults once."""
    few = Group(compress_engines=1, decompress_engines=1)

    assert told(device(QUEUE, groups=(few,))) == [
        "devices[0].compress_engines: 1 of 2 are in no group, and idle",
        "devices[0].decompress_engines: 7 of 8 are in no group, and idle",
        IDLE,
    ]


def test_group_that_lacks_queues_or_engines_is_told() -> None:
    """One that has neither is told once."""
    half = Group(compress_engines=1, decompress_engines=4)

    assert "devices[0].groups[1]: has no work queue, so its engines are idle" in told(
        device(QUEUE, groups=(half, half))
    )
    assert told(device(QUEUE, groups=(ALL, Group()))) == [
        "devices[0].groups[1]: has neither engines nor a work queue"
    ]


@pytest.mark.parametrize(("size", "warned"), [(128, False), (129, True)])
def test_more_entries_than_an_iaa_has_are_told(size: int, *, warned: bool) -> None:
    """Ours may have more."""
    made = device(WorkQueue(size=size), work_queue_size=256)
    what = f"devices[0].wqs: {size} entries: an IAA has 128, for all its queues"

    assert told(made) == [what] * warned


@pytest.mark.parametrize(("threshold", "warned"), [(0, True), (64, True), (63, False)])
def test_threshold_that_is_not_below_the_size_is_told(
    threshold: int, *, warned: bool
) -> None:
    """Also one that is filled in, where none is given."""
    found = told(device(WorkQueue(size=64, mode="shared", threshold=threshold)))

    assert [each.partition(":")[0] for each in found] == [
        "devices[0].wqs[0].threshold"
    ] * warned


@pytest.mark.parametrize(("engines", "warned"), [(1, True), (2, False)])
def test_engines_that_the_figures_are_not_for_are_told(
    engines: int, *, warned: bool
) -> None:
    """They may take other times."""
    group = Group(compress_engines=engines, decompress_engines=8)
    made = device(QUEUE, groups=(group,), compress_engines=engines)
    machine = Topology(
        memory=1 << 30,
        sockets=(Socket(cores=1),),
        devices=(made,),
        timing=Timing.named("spr-v14"),
    )
    what = "devices[0].compress_engines: 1: the figures of timing spr-v14 are for 2"

    assert [*advice(machine)] == [what] * warned


@pytest.mark.parametrize(("cores", "warned"), [(29, False), (30, True)])
def test_device_with_a_crowd_is_told(cores: int, *, warned: bool) -> None:
    """Thirty CPUs on one were too many."""
    found = told(device(QUEUE), cores=cores)
    what = f"devices[0]: {cores} CPUs are mapped to it: with 30 on one IAA time-outs"

    assert [each.startswith(what) for each in found] == [True] * warned
