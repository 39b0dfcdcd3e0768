"""
What the emulated machine's devices and CPUs take: a timing profile.

    Timing
    |-- compress_engines, decompress_engines   Count: of a device
    |-- devices    DeviceCodec: what an engine takes, by the compressor's name
    |-- software   SoftwareCodec: what a CPU takes
    `-- cpu        Cpu: zswap's and the rest of the kernel's own part

Every number stands beside its source.  A topology names a profile that comes with
mpzswap, or has one written out.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from mpzswap.errors import TopologyError
from mpzswap.topology import check, named
from mpzswap.topology.document import read_document
from mpzswap.topology.explain import MAX_VALUE_CHARACTERS, explained
from mpzswap.topology.settings import COMPRESSORS, MAX_ENGINES

# Ours: a second; the slowest figure published is a tenth of a millisecond.
MAX_NS = 1_000_000_000
# IAA: the largest max_transfer_size of a device.
MAX_BYTES = 2 << 30
# Ours: a power of two for each size up to the largest, and as many between.
MAX_POINTS = 64

# Folios that are reclaimed: a page, the series' three sizes, and a PMD's.
FOLIO_SIZES = ("4K", "16K", "32K", "64K", "2M")

# In a topology in place of a profile's name: none.
NONE = "none"

Ns = Annotated[float, Meta(ge=0, le=MAX_NS)]
Source = Annotated[str, Meta(min_length=1, max_length=500)]
Compressor = Annotated[str, Meta(pattern=f"^({'|'.join(COMPRESSORS)})$")]
FolioSize = Annotated[str, Meta(pattern=f"^({'|'.join(FOLIO_SIZES)})$")]


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A time, and where it is from."""

    ns: Ns
    source: Source


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an engine takes for so many uncompressed bytes."""

    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    ns: Ns
    source: Source


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many engines, and where it is from."""

    count: Annotated[int, Meta(ge=1, le=MAX_ENGINES)]
    source: Source


class Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What it takes to have a device compress, or decompress.

    Attributes:
        call: of a CPU, each request handed to the driver.
        descriptor: of a CPU, each descriptor, up to its submission.
        engine: of an engine, by uncompressed bytes, ascending.
        latency: from submission to a record that can be seen, what is of neither CPU
            nor engine: nobody else waits meanwhile. None: nothing.
    """

    call: Figure
    descriptor: Figure
    latency: Figure | None = None
    engine: Annotated[tuple[Point, ...], Meta(min_length=1, max_length=MAX_POINTS)]

    def __post_init__(self) -> None:
        """Check that the points ascend."""
        check.direction(self)

    @property
    def latency_ns(self) -> int:
        """Give the latency, whole ns."""
        return round(self.latency.ns) if self.latency else 0

    def engine_ns(self, size: int) -> float:
        """
        Give what an engine takes for *size* bytes: in a line from point to point.

        The first line begins at nothing; beyond the last point time goes with size.
        """
        bytes_below, ns_below = 0, 0.0
        for point in self.engine:
            if size <= point.bytes:
                part = (size - bytes_below) / (point.bytes - bytes_below)
                return ns_below + part * (point.ns - ns_below)
            bytes_below, ns_below = point.bytes, point.ns
        return ns_below * size / bytes_below


class DeviceCodec(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """A compressor that devices run."""

    compress: Direction
    decompress: Direction


class SoftwareCodec(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """A compressor that a CPU runs, each page."""

    compress: Figure
    decompress: Figure


class Cpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a CPU takes beside compressors and driver.

    Attributes:
        store_call: zswap's own part of each request that stores: entries, pool.
        load_call: zswap's own part of each request that loads.
        interrupt: from a completion until the submitter goes on that slept until its
            interrupt, beyond what polling takes.
        swap_out: each page swapped out, by the size of its folio: fault, reclaim,
            bookkeeping.
    """

    store_call: Figure
    load_call: Figure
    interrupt: Figure
    swap_out: Annotated[dict[FolioSize, Figure], Meta(min_length=1)]


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A timing profile.

    Attributes:
        version: of the file format.
        name: the file's name without its suffix, unless the file gives another.
        compress_engines: of each device that the figures are for; decompress_engines
            likewise.
        devices: by compressor, without level; others are software of the CPU.
    """

    version: Literal[1] = 1
    name: Annotated[str, Meta(min_length=1, max_length=255)] = "unnamed"
    description: Annotated[str, Meta(max_length=1000)] = ""
    compress_engines: Count
    decompress_engines: Count
    devices: dict[Compressor, DeviceCodec]
    software: dict[Compressor, SoftwareCodec]
    cpu: Cpu

    def __post_init__(self) -> None:
        """Check what a terminal would be shown."""
        check.printable(self)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """
        Read a profile's file.

        Raises:
            TopologyError: it cannot be read, or is wrong.
        """
        path = Path(path)
        document = {"name": path.stem, **read_document(path, "timing profile")}
        with explained(cls, document):
            return msgspec.convert(document, cls)

    @staticmethod
    def named(name: str) -> "Timing":
        """
        Give a profile that comes with mpzswap; its file is read once.

        Raises:
            TopologyError: none has this name.
        """
        return _named(name)


@functools.cache
def _named(name: str) -> Timing:
    return Timing.load(named.timing_path_of(name))


def written_out(document: object) -> object:
    """
    Give a topology's *document* with the profile that it names in the name's place.

    Raises:
        TopologyError: there is none of this name.
    """
    if not isinstance(document, Mapping):
        return document  # What it must be is checked with all the rest.
    timing = document.get("timing")
    if timing is None or isinstance(timing, Mapping):
        return document
    if timing == NONE:
        return {**document, "timing": None}
    if timing not in named.timing_names():
        known = ", ".join((NONE, *named.timing_names()))
        shown = repr(timing)[:MAX_VALUE_CHARACTERS]
        raise TopologyError(f"timing: {shown}: must be one of {known}, or a mapping")
    return {**document, "timing": msgspec.to_builtins(_named(timing))}
