"""
A plain burst on its way through the codec, a step for some of it at a time.

    inputs copied -> codec -> outputs written    and again, PART descriptors each time
    records -> interrupts                        once, for the whole burst

An output that is too long for its page has the answer of any such page.  A stream that
is none stops everything before a record is written, and the burst is run one by one:
that writes the outputs that are there once more, as they are.

Stamps: the time of the burst in equal parts, since nobody looks at the clock between
two descriptors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import add

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.completion.record import RecordColumns, write_records
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.plain import COMPRESS, MOST, Plain
from mpzswap.errors import CodecError
from mpzswap.page.frame import PAGE_SIZE

# Inputs and outputs of a part stay in the cache next to the codec's own memory.
PART = 32
# 0 1, 1 2, 2 3, ...
NUMBERS: NDArray[np.uint64] = np.stack(
    [np.arange(MOST, dtype="<u8"), np.arange(1, MOST + 1, dtype="<u8")], axis=1
)
SUCCESS = int(Status.SUCCESS)
TOO_LONG, NO_ROOM = int(Status.ANALYTICS_ERROR), int(ErrorCode.COMP_BUF_OVERFLOW)


@dataclass(slots=True)
class Results:
    """What came of a burst so far; each column has an entry a descriptor."""

    sizes: list[int] = field(default_factory=list)
    crcs: list[int] = field(default_factory=list)
    # Those whose output is longer than a page.
    longer: list[int] = field(default_factory=list)

    def add(self, outputs: list[bytes], crcs: Sequence[int]) -> None:
        """Take in a part; outputs that have no room are dropped there too."""
        first = len(self.sizes)
        sizes = [*map(len, outputs)]
        self.sizes += sizes
        self.crcs += crcs
        if max(sizes) <= PAGE_SIZE:
            return
        for place, output in enumerate(outputs):
            if len(output) > PAGE_SIZE:
                self.longer.append(first + place)
                outputs[place] = b""
                self.sizes[first + place] = self.crcs[first + place] = 0

    def answers(self, sizes: Sequence[int]) -> tuple[bytes, bytes, Sequence[int]]:
        """Give statuses, error codes, and how much of inputs of *sizes* was done."""
        count = len(sizes)
        if not self.longer:
            return bytes([SUCCESS]) * count, b"", sizes
        statuses, codes, done = bytearray([SUCCESS] * count), bytearray(count), [*sizes]
        for place in self.longer:
            statuses[place], codes[place], done[place] = TOO_LONG, NO_ROOM, 0
        return bytes(statuses), bytes(codes), done


class ColumnRunner:
    """
    Runs plain bursts for one device.

    Args:
        clock: whose time the stamps are.
        counters: of the device; it counts what it does.
    """

    def __init__(self, clock: Clock, counters: DeviceCounters) -> None:
        self._clock = clock
        self._counters = counters
        # Where inputs are copied to: made once, and in the cache.
        self._scratch = memoryview(bytearray(PART * PAGE_SIZE))
        self._frames = [
            self._scratch[at : at + PAGE_SIZE]
            for at in range(0, PART * PAGE_SIZE, PAGE_SIZE)
        ]

    def run(self, plain: Plain, codec: Codec, client: Client) -> bool:
        """Run a burst; False: nothing was answered, since a stream of it is none."""
        taken_ns = self._clock.now_ns()
        results = Results()
        run_part = self._compress if plain.opcode == COMPRESS else self._decompress
        try:
            for first in range(0, len(plain.sizes), PART):
                run_part(plain, slice(first, first + PART), codec, results)
        except CodecError:
            return False
        completed_ns = self._clock.now_ns()
        self._report(plain, results, (taken_ns, completed_ns))
        if plain.int_handle:
            raised = client.interrupt(plain.int_handle, len(plain.sizes))
            self._counters.interrupts += raised * len(plain.sizes)
        return True

    def _compress(
        self, plain: Plain, part: slice, codec: Codec, results: Results
    ) -> None:
        frames = self._copy_pages(plain, plain.inputs[part])
        outputs = [*map(codec.compress, frames)]
        results.add(outputs, [*map(isal_zlib.crc32, frames)])
        write_outputs(plain.target, plain.outputs[part], outputs)

    def _copy_pages(self, plain: Plain, inputs: Sequence[int]) -> list[memoryview]:
        """Copy inputs of a page: at once where they lie side by side."""
        frames = self._frames[: len(inputs)]
        if isinstance(inputs, range):
            size = len(inputs) * PAGE_SIZE
            self._scratch[:size] = plain.source[inputs.start : inputs.start + size]
        else:
            for frame, at in zip(frames, inputs, strict=True):
                frame[:] = plain.source[at : at + PAGE_SIZE]
        return frames

    def _decompress(
        self, plain: Plain, part: slice, codec: Codec, results: Results
    ) -> None:
        decompress, places = codec.decompress, plain.inputs[part]
        streams = self._copy_streams(plain.source, places, plain.sizes[part])
        outputs = [decompress(stream, PAGE_SIZE) for stream in streams]
        results.add(outputs, [*map(isal_zlib.crc32, outputs)])
        if plain.writes:
            write_outputs(plain.target, plain.outputs[part], outputs)

    def _copy_streams(
        self, source: memoryview, places: Sequence[int], sizes: Sequence[int]
    ) -> list[memoryview]:
        """Copy inputs of any size: at once where all of it has room."""
        least = min(places)
        end = max(map(add, places, sizes))
        if end - least > len(self._scratch):
            return [
                memoryview(bytes(source[at : at + size]))
                for at, size in zip(places, sizes, strict=True)
            ]
        self._scratch[: end - least] = source[least:end]
        return [
            self._scratch[at - least : at - least + size]
            for at, size in zip(places, sizes, strict=True)
        ]

    def _report(self, plain: Plain, results: Results, stamps: tuple[int, int]) -> None:
        """Write the records, and count."""
        count = len(plain.sizes)
        taken_ns, completed_ns = stamps
        statuses, codes, done = results.answers(plain.sizes)
        parts = shares(taken_ns, completed_ns, count)
        columns = RecordColumns(codes, done, results.sizes, results.crcs, parts)
        write_records(plain.records, statuses, columns)
        counters = self._counters
        counters.descriptors += count
        counters.errors += len(results.longer)
        counters.bytes_in += sum(plain.sizes)
        counters.bytes_out += sum(results.sizes)
        counters.busy_ns += completed_ns - taken_ns


def shares(start_ns: int, end_ns: int, count: int) -> NDArray[np.uint64]:
    """Give where *count* equal parts of a stretch of time begin and end, a row each."""
    part = np.uint64((end_ns - start_ns) // count)
    return NUMBERS[:count] * part + np.uint64(start_ns)


def write_outputs(
    target: memoryview, places: Sequence[int], outputs: Sequence[bytes]
) -> None:
    """Write each output into its page."""
    # Hot: once a page.  Slices of one view of all cost less than a view of each page
    # that is kept, since user pages are many.
    for at, output in zip(places, outputs, strict=True):
        target[at : at + len(output)] = output
