"""Signals wait while something is half done, and come through afterwards."""

import signal
from collections.abc import Iterable

import pytest

from mpzswap.machine.signals import uninterrupted


def blocked() -> set[int]:
    """Give the signals that are blocked now."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_signals_are_blocked_inside_and_as_before_after_it() -> None:
    """All that can be, or those that are named."""
    before = blocked()
    with uninterrupted({signal.SIGINT}):
        assert blocked() == before | {signal.SIGINT}
        with uninterrupted():
            assert {signal.SIGINT, signal.SIGTERM} <= blocked()
        assert blocked() == before | {signal.SIGINT}

    assert blocked() == before


def test_signal_that_came_just_before_leaves_none_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its handler runs when the mask is set already, and may raise."""
    before = blocked()
    real = signal.pthread_sigmask

    def mask(how: int, signals: Iterable[int]) -> set[signal.Signals | int]:
        wanted = set(signals)
        old = real(how, wanted)
        if how == signal.SIG_BLOCK and wanted:
            raise KeyboardInterrupt
        return old

    with monkeypatch.context() as patched:
        patched.setattr(signal, "pthread_sigmask", mask)
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            pass

    assert blocked() == before
