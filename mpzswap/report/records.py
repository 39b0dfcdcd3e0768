"""
What a ``stress`` run gives, as records; their JSON is what users' scripts rely on.

Format 1: the first.  Names may be added; none goes or changes its meaning.
Units are in the names; what has none is a count.
"""

import msgspec

from mpzswap.report.time_spent import TimeReport
from mpzswap.topology.settings import DriverSettings, ZswapSettings

FORMAT = 1


class LatencyReport(msgspec.Struct, frozen=True):
    """How long something took, ns."""

    count: int
    mean: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int


class LatenciesReport(msgspec.Struct, frozen=True):
    """A page of a store, a page of a load, a sub-batch from submit to done."""

    store_page: LatencyReport
    load_page: LatencyReport
    batch: LatencyReport


class ZswapReport(msgspec.Struct, frozen=True):
    """zswap of all workers; see ``mpzswap.zswap.stats`` for the events."""

    zswpout: int
    zswpin: int
    stored_pages: int
    pool_total_size: int
    same_filled_pages: int
    stored_incompressible_pages: int
    pool_limit_hit: int
    reject_compress_poor: int
    reject_compress_fail: int
    reject_alloc_fail: int
    reject_reclaim_fail: int
    decompress_fail: int
    written_back_pages: int
    compressed_bytes: int
    compression_ratio: float
    # Pages that went to the swap file, past zswap or out of it, and came from there.
    pswpout: int
    pswpin: int
    # Pages handed to zswap, and how each of them ended; the four add up to it.
    pages_out: int
    compressed_out: int
    same_filled_out: int
    incompressible_out: int
    rejected_pages: int
    # Pages that came back different; decompress_fail has those that stayed so.
    checksum_fail: int = 0


class DriverReport(msgspec.Struct, frozen=True):
    """The driver of all workers; see ``mpzswap.driver.stats``."""

    total_comp_calls: int
    total_decomp_calls: int
    total_sw_comp_calls: int
    total_sw_decomp_calls: int
    total_comp_bytes_out: int
    total_decomp_bytes_in: int
    total_completion_einval_errors: int
    total_completion_timeout_errors: int
    total_completion_comp_buf_overflow_errors: int


class QueueReport(msgspec.Struct, frozen=True):
    """One work queue, all submitters together."""

    # As accel-config has it, and as the topology calls it.
    name: str
    configured_name: str
    mode: str
    # "enabled", or "disabled": submitters use it no more.
    state: str
    size: int
    comp_calls: int
    comp_bytes: int
    decomp_calls: int
    decomp_bytes: int
    retries: int
    max_occupancy: int
    # Descriptors that verified a compression; in none of the calls above.
    verify_calls: int = 0
    # Retries that a fault was the reason for.
    injected_queue_full: int = 0
    # How long descriptors waited in it, ns, all together; by a clock with a profile.
    wait_ns: int = 0


class DeviceReport(msgspec.Struct, frozen=True):
    """One device; what is not of its queues its own process has counted."""

    name: str
    # As idxd numbers it.
    id: int
    # "ready", or "died"; and how its last process ended that died.
    state: str
    death: str
    # Share of the machine's life that it worked on descriptors.
    busy_fraction: float
    descriptors: int
    errors: int
    # Descriptors that could not be answered, and lanes given up: bugs of a submitter.
    unreported: int
    broken_lanes: int
    sleeps: int
    wqs: tuple[QueueReport, ...]
    # Interrupts that it raised.
    interrupts: int = 0
    # How each of its processes ended that died, and how often one was started anew.
    deaths: tuple[str, ...] = ()
    restarts: int = 0
    # It did not answer when it was asked for its counters: they are of before.
    is_silent: bool = False
    # Faults that were injected, by kind; those alone that were.
    injected: dict[str, int] = {}


class PathsReport(msgspec.Struct, frozen=True):
    """
    Which way pages went.

    ``device``: pages whose result is a device's, compressed, decompressed or found
    not to fit; where nothing fails the calls of all work queues add up to it.
    ``software``: pages that software did instead.  ``rejected``: pages that zswap
    did not take.  ``reasons``: why a page did not end as a device's success, or was
    not stored.
    """

    device: int
    software: int
    rejected: int
    reasons: dict[str, int]


class ContextReport(msgspec.Struct, frozen=True):
    """What zswap holds for each CPU, whether it stores or not: its requests."""

    requests: int
    pages_per_request: int
    # A page each, and a completion record beside it.
    buffers: int
    bytes: int


class ReclaimReport(msgspec.Struct, frozen=True):
    """
    What reclaim handed to zswap; the reasons add up to the batches.

    Attributes:
        batches: of folios, stored together.
        folios: in them.
        full: batches that ended since they were full.
        swap_area: ... since the next folio goes to another swap area.
        node: ... is on another node.
        pmd: ... is a PMD's, which goes alone.
        list_end: ... since no folio was left.
    """

    batches: int = 0
    folios: int = 0
    full: int = 0
    swap_area: int = 0
    node: int = 0
    pmd: int = 0
    list_end: int = 0


class ReadaheadReport(msgspec.Struct, frozen=True):
    """Pages that were read ahead, and those of them that were then touched."""

    swap_ra: int = 0
    swap_ra_hit: int = 0


class VerifyReport(msgspec.Struct, frozen=True):
    """Every page that came back was compared with what had been written."""

    pages_checked: int
    pages_wrong: int
    pages_lost: int
    # Whether that was to be done at all.
    asked: bool = True


class LedgerReport(msgspec.Struct, frozen=True):
    """
    What became of each page that was handed to zswap; the last five add up to it.

    Attributes:
        out: pages handed to zswap.
        stored: in the pool at the end.
        written_back: in a swap file at the end.
        loaded: came back, checksum and all.
        rejected: never taken; their owner kept them.
        invalidated: forgotten: given up by their owner, or gone with it.
    """

    out: int = 0
    stored: int = 0
    written_back: int = 0
    loaded: int = 0
    rejected: int = 0
    invalidated: int = 0

    @property
    def missing(self) -> int:
        """Pages of which nobody knows; any but 0 is a bug."""
        ends: tuple[int, ...] = msgspec.structs.astuple(self)[1:]
        return self.out - sum(ends)

    def __add__(self, other: "LedgerReport") -> "LedgerReport":
        """Add another owner's pages."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return LedgerReport(*(a + b for a, b in zip(mine, theirs, strict=True)))


class WorkerReport(msgspec.Struct, frozen=True):
    """
    One worker that lived to the end.

    Attributes:
        number: in the order in which they were started.
        pages_written: in all rounds; every worker has as many to write.
        write_ns: how long it took over them, reclaim within.
        window_pages: of these, those of the window of ``FairnessReport``.
    """

    number: int
    pages_written: int
    write_ns: int
    window_pages: int


class FairnessReport(msgspec.Struct, frozen=True):
    """
    How evenly workers wrote, in the time in which all of them did.

    Attributes:
        jain_index: (sum x)^2 / (n sum x^2) of the pages x that each of n workers
            wrote in the window: 1 where all wrote alike, 1/n where one alone did; 0
            where the window was too short to be seen.
        window_s: how long that was, all rounds together.
    """

    jain_index: float = 0.0
    window_s: float = 0.0


class CpuReport(msgspec.Struct, frozen=True):
    """Processor time, s."""

    workers: float
    devices: float


class AttributesReport(msgspec.Struct, frozen=True):
    """How driver and zswap were set, all of it, by the topology's names."""

    driver: DriverSettings
    zswap: ZswapSettings


class StressReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``stress`` run."""

    format: int = FORMAT
    command: str = "stress"
    version: str
    clock: str
    seed: int
    topology: str
    compressor: str
    batching: str
    batch_size: int
    # How the run was set; what is not in the names above.
    workers: int
    memory_bytes: int
    limit_bytes: int
    pages: str
    folio_pages: int
    reclaim_batch: int
    swap_bytes: int
    # Of each worker; swap_bytes are all of them together.
    swap_areas: int
    interleave: bool
    # Attributes that were set in place of the topology's, as KEY=VALUE.
    changes: tuple[str, ...]
    # What was to go wrong, as --inject takes it.
    faults: tuple[str, ...] = ()
    attributes: AttributesReport
    sync_mode: str
    verify_compress: bool
    # Of each worker's CPU.
    context: ContextReport
    rounds: int
    pages_written: int
    # From the word to begin until the last worker has checked its last page.
    elapsed_s: float
    # The longest that a worker was writing, reclaim within.
    write_s: float
    # Bytes that workers wrote, for each second of write_s.
    throughput_bytes_per_s: float
    zswap: ZswapReport
    latency_ns: LatenciesReport
    driver: DriverReport
    devices: tuple[DeviceReport, ...]
    paths: PathsReport
    verify: VerifyReport
    cpu_s: CpuReport
    reclaim: ReclaimReport = ReclaimReport()
    readahead: ReadaheadReport = ReadaheadReport()
    ledger: LedgerReport = LedgerReport()
    each_worker: tuple[WorkerReport, ...] = ()
    fairness: FairnessReport = FairnessReport()
    # Where the time went, by a clock that keeps a profile's time; null by that of work.
    time: TimeReport | None = None
    # Workers that did not live to the end, and how each of them ended.
    dead_workers: tuple[str, ...] = ()
    # What is wrong, a line each; ``ok`` if nothing is.
    problems: tuple[str, ...]
    ok: bool


class RatiosReport(msgspec.Struct, frozen=True):
    """A run over the run with batching off; throughput above 1 is better."""

    batching: str
    throughput: float
    elapsed: float
    store_page_p50: float
    cpu: float


class ComparisonReport(msgspec.Struct, frozen=True, kw_only=True):
    """The same run with each batching mode."""

    format: int = FORMAT
    command: str = "stress"
    version: str
    seed: int
    runs: tuple[StressReport, ...]
    # Of the last run; those of every run but the first are in ``all_ratios``.
    ratios: RatiosReport
    all_ratios: tuple[RatiosReport, ...]
    # Whether all runs counted the same, and the counters that differ, as
    # "zswap.zswpout".  Not wrong by itself: a pool that workers share is full for
    # whoever comes later.  pool_total_size is not compared: how tightly the pool is
    # packed follows from the order in which requests ended.
    same_counters: bool
    differing: tuple[str, ...]
    ok: bool
