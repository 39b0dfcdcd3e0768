"""Which clock a process is to have; travels to children as JSON."""

import time
from typing import Literal

import msgspec

from mpzswap.clock.model import ModelClock
from mpzswap.clock.steps import Costs
from mpzswap.clock.work import Clock, WorkClock

ClockName = Literal["work", "model", "virtual"]


class ClockConfig(msgspec.Struct, frozen=True):
    """
    Which clock.

    Attributes:
        name: "virtual" has no processes of its own, see ``clock.virtual``.
        costs: what each step takes, ns; none of real work.
        time_scale: wall ns for each ns of a model.
        epoch_ns: CLOCK_MONOTONIC where a model's time begins.
    """

    name: ClockName = "work"
    costs: Costs = ()
    time_scale: float = 1.0
    epoch_ns: int = 0

    @property
    def is_timed(self) -> bool:
        """Whether devices keep a profile's time."""
        return self.name != "work"

    def begun_now(self) -> "ClockConfig":
        """Give the same, with its time beginning now."""
        return msgspec.structs.replace(self, epoch_ns=time.monotonic_ns())


# Of whoever does not say.
WORK = ClockConfig()


def make_clock(config: ClockConfig) -> Clock:
    """Give the clock of a process that begins now."""
    if config.name == "work":
        return WorkClock()
    return ModelClock(config.costs, config.time_scale, config.epoch_ns)
