"""
What a bench is to do: every combination of what the lists name.

    machines (topology, compressor)  x  points (operation, batch_size, depth)
             x  sync_mode

Each sync mode needs a machine of its own.  Those that differ in nothing else are open
at once, and their passes over a point alternate: whatever the host does meanwhile, it
does to all of them.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import msgspec

from mpzswap.acomp.pipeline import Shape
from mpzswap.codec.table import parse_compressor
from mpzswap.errors import InputError
from mpzswap.machine.bulk import spread
from mpzswap.page.frame import Pages
from mpzswap.page.source import PageSource, load_pages
from mpzswap.topology import host, named
from mpzswap.topology.load import changed, find_topology
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import SyncMode
from mpzswap.topology.size import format_size

OPERATIONS = ("compress", "decompress")
# The CPU that submits; devices of its node take turns.
CPU = 0
# Ours: 2 MiB of pages in a request, as many as a huge folio has.
MAX_BATCH_SIZE = 512
# Ours: 8 IAA of 128 entries, all full.
MAX_DEPTH = 1024
# Pages of a mix, which has no end of its own.
MIX_PAGES = 4096
# What a page takes on each machine beside the source: the copy that devices see, the
# way back, its stream.
COPIES = 3


class Point(NamedTuple):
    """One combination on one machine."""

    operation: str
    batch_size: int
    nr_batches: int

    @property
    def depth(self) -> int:
        """Pages in flight: whole batches, so it may be more than was asked for."""
        return self.batch_size * self.nr_batches

    @property
    def shape(self) -> Shape:
        """As the pipeline has it: one request a batch."""
        return Shape(1, self.batch_size, self.nr_batches)


class BenchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole sweep.

    Attributes:
        topologies: one for each number of devices.
        depths: pages in flight; one below the batch size is raised to it.
        sync_modes: of the driver, see ``mpzswap.topology.settings``.
        source: of pages, as ``mpzswap.page.source`` reads it.
        count: of pages; None: 4096 of a mix, all of anything else.
        repeat: timed passes over all pages, after one that is checked.
        seed: the pages of a mix follow from it.
    """

    topologies: tuple[Topology, ...]
    compressors: tuple[str, ...]
    operations: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    depths: tuple[int, ...]
    sync_modes: tuple[SyncMode, ...]
    source: str
    count: int | None
    repeat: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse a compressor that there is not, before anything is started."""
        for compressor in self.compressors:
            parse_compressor(compressor)

    def machines(self) -> Iterator[tuple[Topology, str]]:
        """Give each topology with each compressor."""
        return product(self.topologies, self.compressors)

    def in_each_mode(self, topology: Topology) -> Iterator[Topology]:
        """Give a topology with its driver in each sync mode."""
        replace = msgspec.structs.replace
        for mode in self.sync_modes:
            yield replace(topology, driver=replace(topology.driver, sync_mode=mode))

    def points(self) -> list[Point]:
        """Give the combinations on each machine, none of them twice."""
        combinations = product(self.operations, self.batch_sizes, self.depths)
        return list(
            dict.fromkeys(
                Point(operation, size, -(-max(depth, size) // size))
                for operation, size, depth in combinations
            )
        )


def choose_topologies(
    name_or_file: str, counts: Sequence[int] | None, changes: Sequence[str] = ()
) -> tuple[Topology, ...]:
    """
    Give the topology with each number of devices; None: with all it has.

    Only devices that CPU 0 uses are counted: those of its node.  They take turns for
    both directions, whatever the topology and *changes* say, since that is what is
    measured; so wq_tables is "package", with whose "global" only one decompresses.

    Raises:
        InputError: there are not so many, no such topology, or a change is wrong.
    """
    if name_or_file == named.HOST:
        hosts = [
            changed(Topology.for_host(count), changes) for count in counts or (None,)
        ]
        return tuple(_in_turn(each, len(each.devices)) for each in hosts)
    whole = find_topology(name_or_file, changes)
    near = sum(device.numa_node == CPU for device in whole.devices)
    there = near or len(whole.devices)
    for count in counts or ():
        if count > there:
            raise InputError(
                f"devices: {count}: must be at most {there}, what CPU {CPU} of "
                f"topology {whole.name} uses"
            )
    return tuple(_in_turn(whole, count) for count in counts or (there,))


def _in_turn(topology: Topology, count: int) -> Topology:
    """Give the topology with *count* of CPU 0's devices, which take turns."""
    replace = msgspec.structs.replace
    near = [device for device in topology.devices if device.numa_node == CPU]
    devices = tuple((near or topology.devices)[:count])
    return replace(topology, driver=spread(topology.driver), devices=devices)


def load_source(plan: BenchPlan) -> PageSource:
    """
    Load the pages of a sweep.

    Raises:
        InputError: the source is wrong, or has more than memory holds.
    """
    count = plan.count
    if count is None and plan.source.startswith("mix:"):
        count = MIX_PAGES
    source = load_pages(plan.source, count, plan.seed)
    _check_memory(plan, source.pages)
    return source


def _check_memory(plan: BenchPlan, pages: Pages) -> None:
    most = host.usable_memory_bytes() // (1 + COPIES * len(plan.sync_modes))
    if pages.nbytes > most:
        raise InputError(
            f"pages {plan.source}: {format_size(pages.nbytes)}: must be at most "
            f"{format_size(most)} on this host; --count takes a part"
        )
