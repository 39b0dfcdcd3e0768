"""
The processor time that a process has used.

Source of the clock's number: Linux, include/linux/posix-timers_types.h and
kernel/time/posix-cpu-timers.c: the complement of the pid above three bits that say
which of its clocks.  It counts what the scheduler gave, where /proc/PID/stat counts
ticks of 10 ms.
"""

import time

PID_SHIFT = 3
CPUCLOCK_SCHED = 2


def cpu_time_ns(pid: int) -> int | None:
    """Give what all threads of a process have used, ns; None: there is none."""
    try:
        return time.clock_gettime_ns(~pid << PID_SHIFT | CPUCLOCK_SCHED)
    except OSError:
        return None
