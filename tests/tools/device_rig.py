"""An engine and a client of it: a segment of pages and records, and an interrupt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from mpzswap.codec.table import make_codec
from mpzswap.completion.record import RECORD, RECORD_BYTES
from mpzswap.device.check import Descriptor
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import Engine
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Segment, address
from tests.tools.descriptors import COMPRESS, DECOMPRESS, PASID, packed
from tests.tools.eventfd import new_eventfd
from tests.tools.manual_clock import ManualClock

NUMBER = 5
NR_PAGES = 8
MAX_TRANSFER_SIZE = 1 << 16
HANDLE = 9


class Completion(NamedTuple):
    """What a test looks at in a completion record."""

    status: int
    error_code: int
    bytes_completed: int
    fault_addr: int
    invalid_flags: int
    output_size: int
    crc: int


class DeviceRig:
    """
    An engine and one segment: page 0 has the records, the others are for data.

    The engine sees the segment by a mapping of its own, and raises interrupt
    ``HANDLE`` on a copy of *eventfd*.
    """

    def __init__(self, ours: Segment, eventfd: int, compressor: str) -> None:
        self.eventfd = eventfd
        self.memory = ours.memory
        self.pages = ours.frames(0, NR_PAGES)
        self.clock = ManualClock()
        self.counters = DeviceCounters()
        self.codec = make_codec(compressor)
        self.client = Client(PASID)
        self.client.attach(Segment.map(NUMBER, os.dup(ours.fd)))
        self.client.add_interrupt(NUMBER, HANDLE, os.dup(eventfd))
        self.engine = Engine(self.codec, MAX_TRANSFER_SIZE, self.clock, self.counters)

    def page_at(self, index: int) -> int:
        """Give the device address of a page."""
        return self.pages.address_of(index)

    def record_at(self, index: int) -> int:
        """Give the device address of a record."""
        return address(NUMBER, index * RECORD_BYTES)

    def put(self, index: int, data: bytes) -> None:
        """Put *data* at the beginning of a page."""
        self.pages.views[index][: len(data)] = data

    def get(self, index: int, size: int = PAGE_SIZE) -> bytes:
        """Give the first bytes of a page."""
        return bytes(self.pages.views[index][:size])

    def compress(self, source: int, target: int, **changes: int) -> Descriptor:
        """Give a descriptor that compresses one page into another; record 0."""
        return self._filled(COMPRESS, source, target)._replace(**changes)

    def decompress(self, source: int, target: int, **changes: int) -> Descriptor:
        """Give a descriptor that decompresses one page into another; record 0."""
        return self._filled(DECOMPRESS, source, target)._replace(**changes)

    def _filled(self, descriptor: Descriptor, source: int, target: int) -> Descriptor:
        return descriptor._replace(
            completion_addr=self.record_at(0),
            src1_addr=self.page_at(source),
            dst_addr=self.page_at(target),
        )

    def run(self, *descriptors: Descriptor) -> Completion:
        """Run them all; give what record 0 says."""
        self.engine.run(packed(*descriptors), self.client)
        return self.completion(0)

    def completion(self, index: int) -> Completion:
        """Give what a record says."""
        at = index * RECORD_BYTES
        record = np.frombuffer(self.memory[at : at + RECORD_BYTES], RECORD)[0]
        return Completion(*(int(record[name]) for name in Completion._fields))


@contextmanager
def device_rig(compressor: str = "deflate-iaa") -> Iterator[DeviceRig]:
    """Give a rig; its memory is zero."""
    ours = Segment.create(NUMBER, NR_PAGES * PAGE_SIZE)
    with new_eventfd() as eventfd:
        rig = DeviceRig(ours, eventfd, compressor)
        yield rig
        rig.client.detach(NUMBER)
    ours.close()
