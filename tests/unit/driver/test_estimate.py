"""How long a descriptor takes is learnt from what devices stamp."""

import pytest

from mpzswap.acomp.request import Operation
from mpzswap.driver.estimate import FIRST_GUESS_NS, ServiceTimes


@pytest.mark.parametrize("operation", Operation)
def test_first_guess_is_for_each_descriptor(operation: Operation) -> None:
    """A queue of eight takes eight times as long as one."""
    times = ServiceTimes()

    assert times.expected_ns(operation, 1) == FIRST_GUESS_NS
    assert times.expected_ns(operation, 8) == 8 * FIRST_GUESS_NS
    assert times.expected_ns(operation, 0) == 0


def test_guess_becomes_what_devices_take() -> None:
    """After some answers, from above and from below."""
    times = ServiceTimes()
    for _ in range(200):
        times.learn(Operation.COMPRESS, 50_000)
        times.learn(Operation.DECOMPRESS, 5_000)

    assert times.expected_ns(Operation.COMPRESS, 1) == pytest.approx(50_000, rel=0.01)
    assert times.expected_ns(Operation.DECOMPRESS, 1) == pytest.approx(5_000, rel=0.01)


def test_one_slow_answer_says_little() -> None:
    """A device that was not running for 1 ms does not make us sleep that long."""
    times = ServiceTimes()
    times.learn(Operation.COMPRESS, 1_000_000)

    assert times.expected_ns(Operation.COMPRESS, 1) < 100_000
