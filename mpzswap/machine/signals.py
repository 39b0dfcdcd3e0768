"""Signals of the user's process, which may come between any two lines."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """
    Let signals wait until the block is over: Ctrl-C would leave things half done.

    In a program with threads another thread may still be given a signal, whose
    handler runs in the main one.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
