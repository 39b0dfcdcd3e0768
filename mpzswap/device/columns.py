"""
A plain burst on its way through the codec, a step for all of it at a time.

    inputs copied -> codec -> outputs written -> records -> interrupts

An output that is too long for its page has the answer of any such page.  A stream that
is none stops everything before anything is written, and the burst is run one by one.

Stamps: the time of the burst in equal parts, since nobody looks at the clock between
two descriptors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from isal import isal_zlib

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.completion.record import RecordColumns, write_records
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.plain import COMPRESS, MOST, Plain
from mpzswap.errors import CodecError
from mpzswap.page.frame import PAGE_SIZE

SUCCESS = int(Status.SUCCESS)
TOO_LONG, NO_ROOM = int(Status.ANALYTICS_ERROR), int(ErrorCode.COMP_BUF_OVERFLOW)


@dataclass(slots=True)
class Results:
    """What came of a burst; each column has an entry a descriptor."""

    outputs: list[bytes]
    sizes: list[int]
    crcs: list[int]
    # Those whose output is longer than a page.
    longer: list[int] = field(default_factory=list)

    def drop_longer(self) -> None:
        """Forget the outputs that have no room."""
        self.longer = [i for i, size in enumerate(self.sizes) if size > PAGE_SIZE]
        for place in self.longer:
            self.outputs[place] = b""
            self.sizes[place] = self.crcs[place] = 0

    def answers(self, sizes: Sequence[int]) -> tuple[bytes, bytes, Sequence[int]]:
        """Give statuses, error codes, and how much of inputs of *sizes* was done."""
        count = len(sizes)
        if not self.longer:
            return bytes([SUCCESS]) * count, bytes(count), sizes
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
        self._scratch = memoryview(bytearray(MOST * PAGE_SIZE))
        self._frames = [
            self._scratch[at : at + PAGE_SIZE]
            for at in range(0, MOST * PAGE_SIZE, PAGE_SIZE)
        ]

    def run(self, plain: Plain, codec: Codec, client: Client) -> bool:
        """Run a burst; False: nothing was done, since a stream of it is none."""
        taken_ns = self._clock.now_ns()
        if plain.opcode == COMPRESS:
            results = self._compress(plain, codec)
        else:
            try:
                results = self._decompress(plain, codec)
            except CodecError:
                return False
        if plain.writes:
            write_outputs(plain, results)
        completed_ns = self._clock.now_ns()
        self._report(plain, results, (taken_ns, completed_ns))
        if plain.int_handle:
            raised = client.interrupt(plain.int_handle, len(plain.sizes))
            self._counters.interrupts += raised * len(plain.sizes)
        return True

    def _compress(self, plain: Plain, codec: Codec) -> Results:
        frames = self._copy_pages(plain)
        outputs = [*map(codec.compress, frames)]
        crcs = [*map(isal_zlib.crc32, frames)]
        results = Results(outputs, [*map(len, outputs)], crcs)
        if max(results.sizes) > PAGE_SIZE:
            results.drop_longer()
        return results

    def _copy_pages(self, plain: Plain) -> list[memoryview]:
        """Copy inputs of a page: at once where they lie side by side."""
        count, first = len(plain.sizes), plain.inputs[0]
        end = first + count * PAGE_SIZE
        frames = self._frames[:count]
        if plain.inputs == [*range(first, end, PAGE_SIZE)]:
            self._scratch[: end - first] = plain.source[first:end]
        else:
            for frame, at in zip(frames, plain.inputs, strict=True):
                frame[:] = plain.source[at : at + PAGE_SIZE]
        return frames

    def _decompress(self, plain: Plain, codec: Codec) -> Results:
        decompress, source = codec.decompress, plain.source
        if len(source) <= len(self._scratch):
            self._scratch[: len(source)] = source
            source = self._scratch
        places = zip(plain.inputs, plain.sizes, strict=True)
        if source is self._scratch:
            outputs = [decompress(source[at : at + n], PAGE_SIZE) for at, n in places]
        else:
            outputs = [
                decompress(memoryview(bytes(source[at : at + n])), PAGE_SIZE)
                for at, n in places
            ]
        return Results(outputs, [*map(len, outputs)], [*map(isal_zlib.crc32, outputs)])

    def _report(self, plain: Plain, results: Results, stamps: tuple[int, int]) -> None:
        """Write the records, and count."""
        count = len(plain.sizes)
        taken_ns, completed_ns = stamps
        ends = shares(taken_ns, completed_ns, count)
        statuses, codes, done = results.answers(plain.sizes)
        columns = RecordColumns(
            codes, done, results.sizes, results.crcs, ends[:-1], ends[1:]
        )
        write_records(plain.records, statuses, columns)
        counters = self._counters
        counters.descriptors += count
        counters.errors += len(results.longer)
        counters.bytes_in += sum(plain.sizes)
        counters.bytes_out += sum(results.sizes)
        counters.busy_ns += completed_ns - taken_ns


def shares(start_ns: int, end_ns: int, count: int) -> Sequence[int]:
    """Give where *count* equal parts of a stretch of time begin and end."""
    part = (end_ns - start_ns) // count
    if not part:
        return [start_ns] * (count + 1)
    return range(start_ns, start_ns + part * (count + 1), part)


def write_outputs(plain: Plain, results: Results) -> None:
    """Write each output into its page."""
    # Hot: once a page.  Slices of one view of all cost less than a view of each page
    # that is kept, since user pages are many.
    target = plain.target
    for at, size, output in zip(
        plain.outputs, results.sizes, results.outputs, strict=True
    ):
        target[at : at + size] = output
