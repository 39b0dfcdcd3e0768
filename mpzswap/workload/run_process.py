"""
Runs in processes of their own, as a ``concurrent.futures`` executor.

    submit --> a thread of ours --starts, waits for--> a process, for this call alone
                                                           |-- the run's own processes

A process that is killed takes its own run with it and nobody else's, and its death is
told by its name and how.  ``ProcessPoolExecutor`` would import the user's main module,
send pickles, and share locks that have names in /dev/shm with processes that may die;
after the death of one it ends all the others.

What happens when     a process sees             and then
    the block ends    its control closed         its run unwinds, it leaves
    we are killed     the same, by the kernel    the same
    it says nothing   nothing                    SIGKILL
"""

import importlib
import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import msgspec

from mpzswap.errors import ClosedError, CompletionTimeoutError
from mpzswap.machine import ending
from mpzswap.machine.child import Child
from mpzswap.machine.control import ChildControl
from mpzswap.machine.link import LEAVE_TIMEOUT_S
from mpzswap.machine.process import Starter
from mpzswap.workload.plan import Progress

ENTRY = f"{__name__}:main"
# Between two looks whether we are to end.
LOOK_INTERVAL_S = 0.1
# A run tells that it goes on this often.
BEAT_INTERVAL_S = 1.0
# Ours: a run prepares its pages, and unwinds, without a word; one that is stopped, or
# hangs, would be waited for for ever.
SILENCE_LIMIT_S = 120.0
# A run that unwinds has processes of its own to end, and a starter, each with limits.
UNWIND_TIMEOUT_S = (
    ending.DRAIN_TIMEOUT_S
    + ending.TERM_TIMEOUT_S
    + ending.KILL_TIMEOUT_S
    + LEAVE_TIMEOUT_S
)
PACKAGE = "mpzswap"
# What a run says that goes on; no result is empty.
BEAT = b""

# A function of this package that takes bytes, and is told of progress.
Work = Callable[..., bytes]


class Call(msgspec.Struct, frozen=True):
    """What a process is to do."""

    module: str
    function: str
    task: str


class LetGoError(Exception):
    """The other side is gone: nobody wants what is being done."""


class RunProcesses:
    """
    An executor of *jobs* processes at once; a context manager.

    Whatever is still running at the end of the block is given up.

    Args:
        jobs: how many.
        modules: that they need; loaded once, before the first.
        silence_limit_s: how long none may say nothing.
    """

    def __init__(
        self,
        jobs: int,
        modules: Sequence[str] = (),
        silence_limit_s: float = SILENCE_LIMIT_S,
    ) -> None:
        self._silence_limit_s = silence_limit_s
        self._starter = Starter([__name__, *modules])
        self._threads = ThreadPoolExecutor(jobs, "run")
        self._numbers = itertools.count()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Give the executor itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let all processes leave, and wait until they have."""
        self._ended.set()
        try:
            self._threads.shutdown(cancel_futures=True)
        finally:
            self._starter.close()

    def submit(self, work: Work, task: bytes) -> Future[bytes]:
        """Have a process do *work* with *task*; the future raises how it died."""
        return self._threads.submit(self._do, work, task)

    def check(self) -> None:
        """Nobody is missed here: the future of a process that is gone says so."""

    def _do(self, work: Work, task: bytes) -> bytes:
        call = Call(work.__module__, work.__name__, task.decode())
        name = f"run {next(self._numbers)}"
        child = self._starter.start(ENTRY, name, msgspec.json.encode(call))
        try:
            return self._result(child)
        finally:
            child.stop(UNWIND_TIMEOUT_S)

    def _result(self, child: Child) -> bytes:
        # Of our looks, not of the time: we may have been stopped as well.
        left = limit = math.ceil(self._silence_limit_s / LOOK_INTERVAL_S)
        while not self._ended.is_set():
            try:
                body = child.receive(LOOK_INTERVAL_S).body
            except CompletionTimeoutError as error:
                left -= 1
                if not left:
                    # What it started leaves with it.
                    child.process.kill()
                    raise CompletionTimeoutError(
                        f"{child.name}: said nothing for {self._silence_limit_s:g} s"
                    ) from error
                continue
            if body != BEAT:
                return body
            left = limit
        raise ClosedError(f"{child.name}: was given up")


def main(control: ChildControl, config: bytes, _: Sequence[int]) -> None:
    """Be a process: do what is asked for, unless nobody is there any more."""
    call = msgspec.json.decode(config, type=Call)
    work = find_work(call)
    beat_s = time.monotonic()

    def heed(_: Progress) -> None:
        nonlocal beat_s
        control.receive_nowait()
        if control.draining:
            # From here on the limits of what unwinds hold, not that of an orphan.
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise LetGoError
        if time.monotonic() - beat_s > BEAT_INTERVAL_S:
            beat_s = time.monotonic()
            control.send(BEAT)

    try:
        control.send(work(call.task.encode(), heed))
    except (LetGoError, ConnectionError):
        return


def find_work(call: Call) -> Work:
    """Give the function; it comes from our parent, and is of this package."""
    assert call.module.partition(".")[0] == PACKAGE, call.module
    found: Work = getattr(importlib.import_module(call.module), call.function)
    return found
