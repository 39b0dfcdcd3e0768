"""Where the time of a request's pages goes: from stamps, and of a driver's requests."""

from collections.abc import Sequence

import pytest

from mpzswap.acomp.request import EAGAIN, Path
from mpzswap.acomp.stages import Stage
from mpzswap.driver.request import IaaRequest
from mpzswap.driver.stages import RunTimes, stages_of
from tests.tools.driver_rig import (
    DriverRig,
    counting_rig,
    driver_rig,
    one_queue,
)
from tests.tools.zswap_rig import noise, text


def named(ns: Sequence[int]) -> dict[str, int]:
    """Give the stages that are not nothing."""
    return {stage.name.lower(): ns[stage] for stage in Stage if ns[stage]}


# From stamps


def test_stages_of_a_page_adjoin() -> None:
    """Each begins where the one before it ends."""
    run = RunTimes(attempted=10, submitted=13, taken=[20], completed=[50])
    ns = stages_of((0, 10, 90), 1, [run])

    assert named(ns) == {
        "prepare": 10,
        "submit": 3,
        "queue": 7,
        "execute": 30,
        "seen": 40,
    }


def test_page_that_is_done_early_waits_for_the_last() -> None:
    """Until then it is complete, and nobody would look."""
    run = RunTimes(attempted=0, submitted=0, taken=[0, 5], completed=[10, 35])
    ns = stages_of((0, 0, 35), 2, [run])

    assert named(ns) == {"queue": 5, "execute": 40, "complete": 25}


def test_last_page_is_the_last_of_all_runs() -> None:
    """They are on several devices."""
    short = RunTimes(attempted=0, submitted=4, taken=[4], completed=[14])
    long = RunTimes(attempted=0, submitted=8, taken=[8], completed=[28])
    ns = stages_of((0, 0, 30), 2, [short, long])

    assert named(ns) == {"submit": 12, "execute": 30, "complete": 14, "seen": 4}


def test_wait_for_a_place_is_a_wait_in_the_queue() -> None:
    """From being prepared until the attempt that got one."""
    run = RunTimes(attempted=60, submitted=63, taken=[70], completed=[80])
    ns = stages_of((0, 10, 80), 1, [run])

    assert named(ns) == {"prepare": 10, "submit": 3, "queue": 57, "execute": 10}


def test_attempt_of_before_it_was_prepared_begins_then() -> None:
    """No time is counted twice."""
    run = RunTimes(attempted=3, submitted=13, taken=[13], completed=[20])
    ns = stages_of((0, 10, 20), 1, [run])

    assert named(ns) == {"prepare": 10, "submit": 3, "execute": 7}


def test_page_of_software_is_executed_all_the_time() -> None:
    """From being prepared until its request is over."""
    assert named(stages_of((5, 10, 90), 2, [])) == {"prepare": 10, "execute": 160}


@pytest.mark.parametrize("software", [0, 3])
def test_stages_add_up_to_the_time_of_all_pages(software: int) -> None:
    """Whatever was where."""
    runs = [
        RunTimes(attempted=15, submitted=21, taken=[22, 40], completed=[39, 61]),
        RunTimes(attempted=30, submitted=33, taken=[40], completed=[77]),
    ]
    ns = stages_of((3, 17, 95), 3 + software, runs)

    assert sum(ns) == (3 + software) * (95 - 3)
    assert min(ns) >= 0


# Of a driver


def counting(rig: DriverRig, request: IaaRequest, result: int = 0) -> dict[str, int]:
    """Finish a request; give its stages, which add up to the time that it took."""
    assert rig.finish(request) == result
    pages = len(request.pages)
    assert sum(request.stages) == pages * (request.over_ns - request.begun_ns)
    assert min(request.stages) >= 0
    return named(request.stages)


def test_request_tells_its_stages_when_it_is_over() -> None:
    """And not before; none where nobody counts them."""
    for kind, counts in ((counting_rig, True), (driver_rig, False)):
        with kind(one_queue(4)) as rig:
            request = rig.request([text(1)])
            rig.driver.compress(request)
            assert rig.driver.poll(request) == EAGAIN
            assert not request.stages
            rig.finish(request)

            assert bool(request.stages) == counts


def test_stages_are_told_once() -> None:
    """Polling again makes no page later."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(1)])
        rig.driver.compress(request)
        before = counting(rig, request)
        rig.clock.ns += 1000
        rig.driver.poll(request)

        assert named(request.stages) == before


def test_stages_of_a_used_request_are_its_own() -> None:
    """What it did before is not in them, in either direction."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(seed) for seed in range(3)])
        rig.driver.compress(request)
        counting(rig, request)
        rig.clock.ns += 1_000_000_000
        rig.driver.decompress(request)

        assert sum(counting(rig, request).values()) < 1_000_000_000


def test_pages_that_get_their_places_later_wait_in_the_queue() -> None:
    """A request of more than a queue has places has several runs."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(seed) for seed in range(10)])
        rig.driver.compress(request)
        stages = counting(rig, request)

        assert len(request.run_times) == 3
        assert stages["queue"] > 0


def test_request_that_found_a_full_queue_waited_in_it() -> None:
    """Others had all of its places."""
    with counting_rig(one_queue(4)) as rig:
        rig.occupy(4)
        request = rig.request([text(1)])
        rig.driver.compress(request)
        rig.clock.ns += 700
        assert rig.driver.poll(request) == EAGAIN
        rig.clock.ns += 300
        rig.occupy(0)
        rig.driver.poll(request)

        assert counting(rig, request)["queue"] == 1000


def test_pages_over_several_queues_have_their_runs() -> None:
    """One of each."""
    with counting_rig(one_queue(4), one_queue(4), distribute_comps=True) as rig:
        request = rig.request([text(seed) for seed in range(8)])
        rig.driver.compress(request)
        counting(rig, request)

        assert [len(run.taken) for run in request.run_times] == [4, 4]


def test_page_that_did_not_compress_has_its_stages_too() -> None:
    """A device has tried."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(1), noise(1)])
        rig.driver.compress(request)
        assert rig.finish(request) != 0

        assert sum(request.stages) == 2 * (request.over_ns - request.begun_ns)


def test_verification_is_a_wait_to_be_seen() -> None:
    """What executes is the compression; its request is over when all are verified."""
    with counting_rig(one_queue(4), verify_compress=True) as rig:
        request = rig.request([text(seed) for seed in range(6)])
        rig.driver.compress(request)
        stages = counting(rig, request)

        assert sum(len(run.taken) for run in request.run_times) == 6
        assert stages["seen"] > 0


def test_page_that_software_did_has_stages() -> None:
    """Its device died: what it waited for is what it took."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(1), text(2)])
        rig.driver.compress(request)
        rig.machine.lose(0)
        stages = counting(rig, request)

        assert request.paths == [Path.SOFTWARE] * 2
        assert list(stages) == ["execute"]


def test_queue_counts_how_long_descriptors_waited_in_it() -> None:
    """From their submission until they were taken."""
    with counting_rig(one_queue(4)) as rig:
        request = rig.request([text(seed) for seed in range(3)])
        rig.driver.compress(request)
        rig.clock.ns += 1000
        counting(rig, request)

        assert rig.queues[0, 0].stats.wait_ns == 3 * 1000
