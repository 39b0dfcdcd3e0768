"""How the submitter learns that its work is done: sync_mode."""

import errno
from collections.abc import Callable

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Path
from mpzswap.clock.work import Clock
from mpzswap.completion.status import Status
from mpzswap.driver.iaa_crypto import INTERRUPT_LIMIT_NS
from mpzswap.topology.settings import DriverSettings
from tests.tools.driver_rig import ROUND_NS, driver_rig, one_queue
from tests.tools.zswap_rig import noise, text


def noting(waits: list[int]) -> Callable[[Clock, int], bool]:
    """Give a wait that keeps its limits, and ends at once."""

    def wait(_: Clock, limit_ns: int) -> bool:
        waits.append(limit_ns)
        return False

    return wait


def test_sync_submit_waits_for_every_page() -> None:
    """It returns when all are done, more than a queue holds, too."""
    with driver_rig(one_queue(4), sync_mode="sync") as rig:
        request = rig.request([text(seed) for seed in range(10)])

        assert rig.driver.compress(request) == 0
        assert request.paths == [Path.DEVICE] * 10
        assert rig.driver.decompress(request) == 0
        assert [rig.page(index) for index in range(10)] == [
            text(seed) for seed in range(10)
        ]


def test_sync_submit_returns_the_error() -> None:
    """As poll does afterwards."""
    with driver_rig(one_queue(4), sync_mode="sync") as rig:
        request = rig.request([text(1), noise(1)])

        assert rig.driver.compress(request) == -errno.E2BIG
        assert rig.driver.poll(request) == -errno.E2BIG


def test_sync_submit_does_not_wait_for_a_dead_device() -> None:
    """Software does what it left."""
    with driver_rig(one_queue(4), sync_mode="sync") as rig:
        rig.devices[0].serve = lambda: rig.machine.lose(0)  # type: ignore[method-assign]
        request = rig.request([text(1)])

        assert rig.driver.compress(request) == 0
        assert request.paths == [Path.SOFTWARE]


def test_async_irq_sleeps_until_it_is_interrupted() -> None:
    """No look at the clock, no estimate: what the device raises ends the pause."""
    with driver_rig(one_queue(4), sync_mode="async_irq") as rig:
        rig.machine.cores = 1
        request = rig.request([text(1), text(2)])
        rig.driver.compress(request)
        rig.driver.pause([request])

        assert rig.clock.sleeps == []
        assert rig.devices[0].engine._counters.interrupts == 2
        assert rig.driver.poll(request) == 0


def test_async_irq_does_not_sleep_while_a_page_waits_for_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another request's interrupt may be long in coming."""
    waits: list[int] = []
    with driver_rig(one_queue(4), sync_mode="async_irq") as rig:
        assert rig.interrupt is not None
        monkeypatch.setattr(rig.interrupt, "wait", noting(waits))
        inside = rig.request([text(page) for page in range(4)])
        rig.driver.compress(inside)
        outside = rig.request([text(9)], first=9)
        rig.driver.compress(outside)
        rig.driver.pause([inside, outside])

        assert waits == []


def test_async_irq_looks_again_without_an_interrupt() -> None:
    """A device that died raises none."""
    with driver_rig(one_queue(4), sync_mode="async_irq") as rig:
        request = rig.request([text(1)])
        rig.driver.compress(request)
        rig.machine.lose(0)
        rig.driver.pause([request])
        rig.clock.ns += 100 * ROUND_NS

        assert rig.driver.poll(request) == 0
        assert request.paths == [Path.SOFTWARE]


def test_page_that_waits_for_a_place_is_not_waited_for_by_interrupt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None would come before it is submitted."""
    waits: list[int] = []
    with driver_rig(one_queue(4), sync_mode="async_irq") as rig:
        assert rig.interrupt is not None
        monkeypatch.setattr(rig.interrupt, "wait", noting(waits))
        rig.occupy(4)
        request = rig.request([text(1)])
        rig.driver.compress(request)
        rig.driver.pause([request])
        assert waits == []
        rig.occupy(0)
        rig.driver.poll(request)
        rig.driver.pause([request])

        assert waits == [INTERRUPT_LIMIT_NS]


@pytest.mark.parametrize("mode", ["async", "async_irq"])
def test_async_submit_returns_at_once(mode: str) -> None:
    """-EINPROGRESS, then -EAGAIN of poll until the device has answered."""
    with driver_rig(one_queue(4), sync_mode=mode) as rig:
        request = rig.request([text(1)])

        assert rig.driver.compress(request) == EINPROGRESS
        assert rig.driver.poll(request) == EAGAIN
        rig.serve()
        assert rig.driver.poll(request) == 0
        assert request.statuses == [Status.SUCCESS]


def test_async_is_the_default() -> None:
    """Since patch 05 of the series."""
    assert DriverSettings().sync_mode == "async"
    assert not DriverSettings().verify_compress
