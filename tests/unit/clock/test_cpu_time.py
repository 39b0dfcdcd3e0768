"""The processor time of any process, by its pid."""

import os
import time

from mpzswap.clock.cpu_time import cpu_time_ns

# More than any process may have, Linux, include/linux/threads.h.
NO_PID = 1 << 22


def test_time_is_that_of_the_process() -> None:
    """Of ourselves we know it otherwise."""
    before = time.process_time_ns()
    told = cpu_time_ns(os.getpid())

    assert told is not None
    assert before <= told <= time.process_time_ns()


def test_process_that_is_not_there_has_none() -> None:
    """It may end at any time."""
    assert cpu_time_ns(NO_PID) is None
