"""What a stress run is to do."""

from typing import Literal

import msgspec

from mpzswap.topology.model import Topology


class StressPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run, every choice made.

    Attributes:
        topology: its zswap settings say batching and batch_size.
        compressor: what the devices run.
        workers: processes, each on a CPU of the topology.
        memory_pages: of each worker.
        limit_pages: memory.high for all workers together.
        source: of pages, as ``mpzswap.page.source`` reads it.
        folio_pages: of the folios that are reclaimed.
        reclaim_batch: folios reclaimed in one batch, vm.compress-batchsize.
        rounds: times that each page is written and read.
        duration_s: end after so long, whatever the rounds; 0: rounds decide.
        seed: every random choice follows from it.
    """

    topology: Topology
    compressor: str
    workers: int
    memory_pages: int
    limit_pages: int
    source: str
    folio_pages: int
    reclaim_batch: int
    rounds: int
    duration_s: float
    seed: int

    def with_batching(
        self, batching: Literal["off", "requests", "driver"]
    ) -> "StressPlan":
        """Give the same run with another batching mode."""
        replace = msgspec.structs.replace
        zswap = replace(self.topology.zswap, batching=batching)
        return replace(self, topology=replace(self.topology, zswap=zswap))


class Progress(msgspec.Struct, frozen=True):
    """How far a run has come."""

    phase: str
    pages_written: int
    pages_checked: int
    # Pages to be written and checked; 0 where a duration decides.
    pages_total: int
    elapsed_s: float
