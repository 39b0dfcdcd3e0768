"""
Harm to a run's processes: who is killed or stopped, and when.

When is told by how far the run is, not by the clock, so that it comes at about the
same page again on another machine; the instant within the look is whatever it is.
"""

import signal
from typing import Literal

import msgspec

from mpzswap.machine.board import DeviceState
from mpzswap.machine.core import Core
from mpzswap.machine.ending import send_signal
from mpzswap.workload.plan import Progress

SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGSTOP": signal.SIGSTOP}


Target = Literal["device", "worker"]
Sent = Literal["SIGKILL", "SIGSTOP"]


class Blow(msgspec.Struct, frozen=True, order=True):
    """
    One signal to one process.

    Attributes:
        share: how much of the run's pages is written and checked by then, 0 to 1.
        target: what it hits, and
        number: which of them.
        sent: the signal.
    """

    share: float
    target: Target
    number: int
    sent: Sent

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.sent} {self.target} {self.number} at {100 * self.share:.0f} %"


class Harm:
    """
    Deals blows as a run goes on; is what ``stress.run`` takes as *disturb*.

    Attributes:
        dealt: blows that hit a living process, in order.
        longest_wait_s: for how long no page was written or checked at most.
    """

    def __init__(self, blows: tuple[Blow, ...]) -> None:
        self.dealt: list[Blow] = []
        self.longest_wait_s = 0.0
        self._moved = 0, 0.0
        self._left = sorted(blows, reverse=True)

    def __call__(self, core: Core, progress: Progress) -> None:
        """Deal what is due."""
        done = progress.pages_written + progress.pages_checked
        pages, moved_s = self._moved
        self.longest_wait_s = max(self.longest_wait_s, progress.elapsed_s - moved_s)
        if done > pages:
            self._moved = done, progress.elapsed_s
        while self._left and done >= self._left[-1].share * progress.pages_total:
            blow = self._left.pop()
            pidfd = find_target(core, blow)
            if pidfd is not None:
                self.dealt.append(blow)
                send_signal(pidfd, SIGNALS[blow.sent])

    def hit(self, target: str, number: int) -> bool:
        """Tell whether a process was hit."""
        return any((b.target, b.number) == (target, number) for b in self.dealt)


def find_target(core: Core, blow: Blow) -> int | None:
    """Give the pidfd of whom a blow is for; None if that one is dead already."""
    if blow.target == "worker":
        child = core.workers[blow.number].child
        return child.process.pidfd if child.is_alive() else None
    if core.devices.state(blow.number) != DeviceState.READY:
        return None
    return core.devices.all[blow.number].child.process.pidfd
