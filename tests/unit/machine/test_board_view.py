"""What a driver is told of the machine."""

import time
from types import SimpleNamespace
from typing import cast

import pytest

from mpzswap.machine.submitter import (
    LOOK_EVERY_NS,
    BoardView,
    Ground,
    SubmitterConfig,
)


def test_deaths_are_looked_for_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first question, and not again before some milliseconds are over."""
    now_ns = 10 * LOOK_EVERY_NS
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    dead: list[int] = []
    board = SimpleNamespace(has_died=lambda device, _: device in dead)
    ground = SimpleNamespace(board=board, look=lambda: dead.append(7), watch=None)
    config = SimpleNamespace(cores=2, topology=None, cpu=0, column=0)
    view = BoardView(cast("SubmitterConfig", config), cast("Ground", ground))

    assert not view.is_usable(7, 0)
    dead.clear()
    now_ns += LOOK_EVERY_NS - 1
    assert view.is_usable(7, 0)
    now_ns += 1
    assert not view.is_usable(7, 0)
    assert dead == [7]
