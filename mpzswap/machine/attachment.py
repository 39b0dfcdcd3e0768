"""What every device is told of a segment, also one that is started later."""

import os
from dataclasses import dataclass

from mpzswap.driver.portal import PortalLayout
from mpzswap.machine.device_process import DeviceProcess
from mpzswap.ring.attach import Attach, LanePlace, encode

# Mapping and prefaulting a GiB takes a device half a second; the rest is for a machine
# with more processes than cores.
ANSWER_S_PER_GIB = 5.0


@dataclass(frozen=True, eq=False)
class Attachment:
    """
    A segment, and what comes with it.

    Attributes:
        fds: the segment's, and that of the interrupt which it brings; not ours.
        layout: of a portal, which has lanes; None: plain memory.
    """

    pasid: int
    segment: int
    fds: tuple[int, ...]
    layout: PortalLayout | None = None
    int_handle: int = 0

    def message(self, device: DeviceProcess) -> bytes:
        """Give what to tell *device*, as it is now."""
        lanes: tuple[LanePlace, ...] = ()
        if self.layout is not None:
            lanes = self.layout.lanes[device.incarnation][device.index]
        return encode(Attach(self.pasid, self.segment, lanes, self.int_handle))

    @property
    def mapping_s(self) -> float:
        """How long a device may take to map it, beside the time to answer."""
        return ANSWER_S_PER_GIB * os.fstat(self.fds[0]).st_size / (1 << 30)

    @property
    def has_lanes(self) -> bool:
        """Whether a device finds work in it."""
        return self.layout is not None
