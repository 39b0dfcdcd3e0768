"""What a driver is told of the machine."""

from types import SimpleNamespace
from typing import cast

from mpzswap.machine.submitter import (
    LOOK_EVERY_NS,
    BoardView,
    Ground,
    SubmitterConfig,
)
from tests.tools.manual_clock import ManualClock


def test_deaths_are_looked_for_now_and_then() -> None:
    """At the first question, and not again before some milliseconds are over."""
    clock = ManualClock(10 * LOOK_EVERY_NS)
    dead: list[int] = []
    board = SimpleNamespace(has_died=lambda device, _: device in dead)
    ground = SimpleNamespace(
        board=board, look=lambda: dead.append(7), watch=None, clock=clock
    )
    config = SimpleNamespace(cores=2, topology=None, cpu=0, column=0)
    view = BoardView(cast("SubmitterConfig", config), cast("Ground", ground))

    assert not view.is_usable(7, 0)
    dead.clear()
    clock.ns += LOOK_EVERY_NS - 1
    assert view.is_usable(7, 0)
    clock.ns += 1
    assert not view.is_usable(7, 0)
    assert dead == [7]
