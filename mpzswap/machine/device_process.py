"""
One device of a machine: its process, or the one after it.

    STARTING --ready, told of memory--> READY --its pidfd says so--> DIED --+
        ^                                                                  |
        +------ restart: on-failure; after a pause, so many times ---------+

Each process that a device has, one after the other, is an *incarnation* with words,
rows and lanes that are its own (``board``), so nothing of a dead one is carried over.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mpzswap.machine.child import Child
from mpzswap.topology.model import Device


@dataclass(eq=False)
class DeviceProcess:
    """
    One device: its process and its doorbell.

    Attributes:
        child: the process of the present incarnation.
        incarnation: how often it was to be started anew, and
        restarts: ... was, and became ready.
        deaths: how each of its processes ended that ended unasked, in order.
        now_s: the time that its pauses count.
        restart_at_s: when it is to be started anew, of that time; infinity: never.
    """

    index: int
    device: Device
    child: Child
    eventfd: int
    now_s: Callable[[], float] = time.monotonic
    incarnation: int = 0
    restarts: int = 0
    deaths: list[str] = field(default_factory=list)
    restart_at_s: float = math.inf

    @property
    def name(self) -> str:
        """As the topology has it."""
        return self.device.name

    @property
    def death(self) -> str:
        """How its last process ended; empty while none has."""
        return self.deaths[-1] if self.deaths else ""

    @property
    def is_noted(self) -> bool:
        """Whether it is known how the process of the present incarnation ended."""
        return len(self.deaths) > self.incarnation

    def note_death(self, words: str) -> None:
        """Note how its process ended, and when there is to be another."""
        self.deaths.append(words)
        self.restart_at_s = math.inf
        if self.incarnation < self.device.max_restarts:
            pause_ms = self.device.restart_backoff_ms << self.incarnation
            self.restart_at_s = self.now_s() + pause_ms / 1000

    def kill(self) -> None:
        """
        End a process that does not answer; when it is gone is for others to see.

        By SIGKILL, which a stopped process does not survive either: it must not write
        later into memory that then belongs to somebody else.
        """
        self.child.process.kill()

    def begin_anew(self) -> None:
        """Be the next incarnation, whose process is about to be started."""
        self.incarnation += 1
        self.restart_at_s = math.inf

    @property
    def is_due(self) -> bool:
        """Whether it is time to start it anew."""
        return self.now_s() >= self.restart_at_s
