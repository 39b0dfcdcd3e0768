"""When a device that died is started anew."""

import math
from typing import cast

import pytest

from mpzswap.machine.child import Child
from mpzswap.machine.device_process import DeviceProcess
from mpzswap.topology.model import Device
from tests.tools.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that goes as the test says."""
    return ManualClock()


def process_of(clock: ManualClock, **device: object) -> DeviceProcess:
    """Give a device that is set so, by a clock."""
    made = Device(name="iax0", **device)  # type: ignore[arg-type] # as a test says
    now_s = lambda: clock.ns / 1_000_000_000  # noqa: E731 - read where it is used
    return DeviceProcess(0, made, cast("Child", None), -1, now_s)


def pauses_ms(process: DeviceProcess, clock: ManualClock, deaths: int) -> list[float]:
    """Let it die so often, and give how long each time until it is due."""
    found = []
    for death in range(deaths):
        process.note_death(f"death {death}")
        found.append(process.restart_at_s * 1000 - clock.ns / 1_000_000)
        process.begin_anew()
    return found


def test_each_pause_is_twice_the_last(clock: ManualClock) -> None:
    """So that one that dies at once does not keep everybody busy."""
    process = process_of(
        clock, restart="on-failure", restart_backoff_ms=10, restart_limit=3
    )

    assert pauses_ms(process, clock, 3) == pytest.approx([10, 20, 40])


def test_it_is_due_after_its_pause_and_not_before(clock: ManualClock) -> None:
    """Whoever looks at the right time starts it."""
    process = process_of(clock, restart="on-failure", restart_backoff_ms=10)
    process.note_death("died")
    clock.ns += 9_000_000
    before = process.is_due
    clock.ns += 1_000_001

    assert (before, process.is_due) == (False, True)


@pytest.mark.parametrize(
    ("device", "deaths"), [({}, 1), ({"restart": "on-failure", "restart_limit": 2}, 3)]
)
def test_dead_for_good_is_never_due(
    device: dict[str, object], deaths: int, clock: ManualClock
) -> None:
    """By default after its first death, else when all restarts are used up."""
    process = process_of(clock, **device)

    assert pauses_ms(process, clock, deaths)[-1] == math.inf


def test_every_death_is_told(clock: ManualClock) -> None:
    """The last one is the device's present one."""
    process = process_of(clock, restart="on-failure")
    pauses_ms(process, clock, 2)

    assert process.deaths == ["death 0", "death 1"]
    assert process.death == "death 1"
