"""The clock of real work."""

import time

from mpzswap.clock.work import Clock, WorkClock


def test_work_clock_is_the_one_of_the_system() -> None:
    """Time stamps of other processes can be compared with ours."""
    clock: Clock = WorkClock()
    before = time.monotonic_ns()
    now = clock.now_ns()
    after = time.monotonic_ns()

    assert before <= now <= after
