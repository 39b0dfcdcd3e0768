"""A submitter over the devices of a driver rig, whose machine is the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from mpzswap.machine.board import Board
from mpzswap.machine.staging import Staging
from mpzswap.machine.submitter import Submitter, SubmitterConfig
from mpzswap.ring.memory import AddressSpace, Frames, address
from tests.tools.driver_rig import PORTAL, DriverRig, Setting, driver_rig, one_queue

COMPRESSOR = "lz4"
NR_BUFFERS = 16


@dataclass(eq=False)
class SubmitterRig:
    """
    A submitter, frames to stage in, and frames that the user shares.

    Attributes:
        given_back: for each time that all was given back, whether the lock was free
            and every buffer was back.
    """

    rig: DriverRig
    submitter: Submitter
    given_back: list[bool] = field(default_factory=list)

    @property
    def space(self) -> AddressSpace:
        """The driver's."""
        return self.rig.driver.software._space

    @property
    def staged(self) -> Frames:
        """One frame for each buffer."""
        return self.rig.frames.part(0, NR_BUFFERS)

    @property
    def shared(self) -> Frames:
        """As ``Machine.allocate_pages`` gives them."""
        return self.rig.frames.part(NR_BUFFERS, NR_BUFFERS)

    @property
    def staging(self) -> Staging:
        """As ``Machine`` makes it."""
        offset = self.rig.layout.buffers_offset
        return Staging(self.staged, address(PORTAL, offset), self.space)

    def give_back(self) -> None:
        """Be the machine's side of a close."""
        all_back = self.rig.portal._free == [(0, NR_BUFFERS)]
        self.given_back.append(all_back and not self.submitter.lock.locked())


@contextmanager
def submitter_rig(**driver: Setting) -> Iterator[SubmitterRig]:
    """Give a submitter with one device, which serves in every pause."""
    with driver_rig(
        one_queue(), compressor=COMPRESSOR, nr_buffers=NR_BUFFERS, **driver
    ) as rig:
        words = memoryview(bytearray(8)).cast("Q")
        config = SimpleNamespace(
            cpu=3, compressor=COMPRESSOR, column=0, topology=rig.machine.topology
        )
        submitter = Submitter(
            cast("SubmitterConfig", config),
            cast("Board", SimpleNamespace(cpu_row=lambda _: words)),
            rig.driver,
            rig.clock,
        )
        yield SubmitterRig(rig, submitter)
