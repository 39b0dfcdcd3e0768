"""What a driver is made of; ``machine`` puts it together and hands it in."""

from dataclasses import dataclass
from typing import Protocol

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.completion.interrupt import Interrupt
from mpzswap.driver.portal import Portal
from mpzswap.driver.queue import SubmitQueue
from mpzswap.ring.memory import AddressSpace
from mpzswap.topology.settings import DriverSettings
from mpzswap.topology.wq_table import WqTables


class MachineView(Protocol):
    """What a driver asks about the machine while it runs."""

    # Cores that all processes together may use.
    cores: int

    def generation(self) -> int:
        """Give a number that changes whenever a device or a work queue does."""

    def tables(self) -> WqTables:
        """Give the queues of this driver's CPU, out of those usable now."""

    def incarnation(self, device: int) -> int:
        """Give how often a device was started anew."""

    def is_usable(self, device: int, incarnation: int) -> bool:
        """
        Tell whether this incarnation of a device is alive, or is about to be.

        If not, it will never answer again, nor take what is in its lanes.  A death of
        the last milliseconds may be told later.
        """

    def end(self, device: int, incarnation: int) -> None:
        """Have a device ended that does not answer; ``is_usable`` tells when."""

    def submitters(self) -> int:
        """Give how many submitters there are."""


@dataclass(frozen=True)
class DriverParts:
    """The parts of one submitter's driver."""

    settings: DriverSettings
    machine: MachineView
    portal: Portal
    # Of every incarnation that a device may have.
    queues: tuple[SubmitQueue, ...]
    # For what devices do not do.
    codec: Codec
    # The segments that our descriptors may name.
    space: AddressSpace
    pasid: int
    clock: Clock
    # What devices signal with each completion; None: we poll.
    interrupt: Interrupt | None = None
    # Whether the stages of pages are counted: where a profile's time is kept.
    counts_stages: bool = False
