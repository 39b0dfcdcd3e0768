"""Signals of the user's process, which may come between any two lines."""

import contextlib
import signal
from collections.abc import Collection, Iterator


@contextlib.contextmanager
def uninterrupted(
    signals: Collection[int] = tuple(signal.valid_signals()),
) -> Iterator[None]:
    """
    Let *signals* wait until the block is over: Ctrl-C would leave things half done.

    In a program with threads another thread may still be given a signal, whose
    handler runs in the main one.
    """
    # Only asks.  A handler of a signal that came before may run when the mask is set,
    # and raise: that must be within the try.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
