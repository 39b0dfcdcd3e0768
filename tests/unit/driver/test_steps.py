"""What a driver tells its clock: each call, descriptor, software page, interrupt."""

from collections import Counter

from mpzswap.acomp.request import Path
from mpzswap.clock.steps import Step
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import noise, text

PAGES = [text(seed) for seed in range(6)]


def told(rig: DriverRig) -> dict[Step, int]:
    """Give how many of each step there were."""
    counts: Counter[Step] = Counter()
    for step, times in rig.clock.spent:
        counts[step] += times
    return dict(counts)


def test_compression_is_a_call_and_descriptors() -> None:
    """A call for a request, whatever queues it goes to."""
    with driver_rig(one_queue(4), one_queue(4)) as rig:
        request = rig.request(PAGES)
        rig.driver.compress(request)
        rig.finish(request)

        assert told(rig) == {Step.COMPRESS_CALL: 1, Step.COMPRESS_DESCRIPTOR: 6}


def test_decompression_has_steps_of_its_own() -> None:
    """Devices take other times for it, and so may a CPU."""
    with driver_rig(one_queue()) as rig:
        request = rig.packed_request(PAGES)
        rig.driver.decompress(request)
        rig.finish(request)

        assert told(rig) == {Step.DECOMPRESS_CALL: 1, Step.DECOMPRESS_DESCRIPTOR: 6}


def test_verification_is_descriptors_of_a_decompression() -> None:
    """In the same call; what did not compress has none."""
    with driver_rig(one_queue(), verify_compress=True) as rig:
        request = rig.request([*PAGES, noise(1)])
        rig.driver.compress(request)
        rig.finish(request)

        assert told(rig) == {
            Step.COMPRESS_CALL: 1,
            Step.COMPRESS_DESCRIPTOR: 7,
            Step.DECOMPRESS_DESCRIPTOR: 6,
        }


def test_call_is_over_before_descriptors_are_prepared() -> None:
    """In this order they take their time; all before a device sees any."""
    with driver_rig(one_queue(4)) as rig:
        request = rig.request(PAGES)
        rig.driver.compress(request)

        assert rig.clock.spent == [
            (Step.COMPRESS_CALL, 1),
            (Step.COMPRESS_DESCRIPTOR, 4),
        ]


def test_page_of_software_is_a_step() -> None:
    """In either direction; nothing is prepared for a device."""
    with driver_rig(one_queue()) as rig:
        rig.machine.lose(0)
        request = rig.request(PAGES)
        rig.driver.compress(request)
        assert request.paths == [Path.SOFTWARE] * 6
        rig.driver.decompress(request)

        assert told(rig) == {
            Step.COMPRESS_CALL: 1,
            Step.SOFTWARE_COMPRESS: 6,
            Step.DECOMPRESS_CALL: 1,
            Step.SOFTWARE_DECOMPRESS: 6,
        }


def test_full_queue_costs_no_descriptor() -> None:
    """They are prepared once there is a place."""
    with driver_rig(one_queue(4)) as rig:
        rig.occupy(4)
        request = rig.request(PAGES)
        rig.driver.compress(request)

        assert told(rig) == {Step.COMPRESS_CALL: 1}


def test_interrupt_costs_whoever_is_woken_by_it() -> None:
    """Once, however many records there are; not whoever looks after the limit."""
    with driver_rig(one_queue(), sync_mode="async_irq") as rig:
        request = rig.request(PAGES)
        rig.driver.compress(request)
        rig.driver.pause([request])
        assert told(rig)[Step.INTERRUPT] == 1
        rig.driver.pause([request])

        assert told(rig)[Step.INTERRUPT] == 1
