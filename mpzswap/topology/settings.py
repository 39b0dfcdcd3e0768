"""
How the driver and zswap are set: the kernel's attributes, by its names and defaults.

Sources: Linux, drivers/crypto/intel/iaa/iaa_crypto_main.c, drivers/dma/idxd/idxd.h,
mm/zswap.c; zswap IAA compress batching, RFC v1 and version 14.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

# accel-config list of an IAA: max_work_queues.
MAX_WQS = 8
# Ours: servers have at most 8 engines an IAA; a study may go further.
MAX_ENGINES = 64
# Ours: the most entries that all queues of a device have together.
MAX_CONSEC_DESCS = 4096
# Ours: pages in a sub-batch, and folios reclaimed in one batch.
MAX_BATCH_SIZE = 64
MAX_COMPRESS_BATCHSIZE = 32

# Ours: an hour, for whoever looks at a stopped process with a debugger.
MAX_MS = 3_600_000

# What a queue is for: indices of the pairs that ``DriverSettings`` gives.
COMP, DECOMP = 0, 1

# By name, without a level.
COMPRESSORS = ("deflate", "deflate-iaa", "deflate-iaa-dynamic", "lz4", "zstd")

# How zswap batches: not at all, many requests, or one request of many pages.
Batching = Literal["off", "requests", "driver"]

# How a submitter learns that its work is done: submit waits, it polls, or it sleeps
# until the device raises an interrupt.
SyncMode = Literal["sync", "async", "async_irq"]

Percent = Annotated[int, Meta(ge=1, le=100)]
Retries = Annotated[int, Meta(ge=0, le=1_000_000)]

# Ours: of the largest sub-batch, 64 pages, as many as 32 queues of 128 hold.
MAX_SUB_BATCHES = 64


class DriverSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """
    The attributes of iaa_crypto, as the series has them in RFC v1 and version 14.

    Attributes:
        sync_mode: see ``SyncMode``.
        verify_compress: each compressed page is decompressed with its output
            suppressed, and the CRC of either is compared.
        cpu_to_iaa: what is shared out evenly among a node's devices: its cores,
            sibling threads together (patch 07), or its CPUs in order, as before.
        wq_tables: which rule chooses queues. "package" is version 14's, set by
            g_comp_wqs_per_iaa, distribute_comps and distribute_decomps. "global" is
            RFC v1's (patch 08), set by g_wqs_per_iaa, g_consec_descs_per_gwq and
            global_wq_start.
        g_wqs_per_iaa: of a device with more queues the last so many are global:
            all CPUs of the node compress on them in turn; the rest are local, for
            the CPUs that are mapped to the device. 0: all are local.
        g_consec_descs_per_gwq: descriptors that a global queue gets in a row.
        global_wq_start: where a CPU begins its turn: at the device that it is mapped
            to, as patch 08 describes it, or where the patch's arithmetic puts it,
            which divides by the devices of all nodes.
        g_comp_wqs_per_iaa: of a device with more queues the last so many are for
            compression alone and the rest for decompression alone; 0: none is.
        distribute_comps: compressions go to all devices of the package in turn,
            not to the one that the CPU is mapped to; distribute_decomps likewise.
        wq_balance: ours; how descriptors are dealt out to the queues of a table: in
            turns, as the kernel does, or a whole request to the shortest ("shortest"),
            which is best where devices are processes that share cores with others.
        enqcmds_retries: submissions to a full shared queue, IDXD_ENQCMDS_RETRIES.
        comp_alloc_retries: attempts to get a descriptor before a compression fails,
            IAA_ALLOC_DESC_COMP_TIMEOUT; decomp_alloc_retries: before a decompression
            goes to software. Of those within a millisecond one counts: a device that
            is a process may have no core for so long.
        completion_timeout_ms: ours; the kernel counts a million looks instead, which
            says nothing about a device that is a process. 128 entries of software
            Deflate take 15 ms; the rest is for a machine with too few cores.
        watch_interval_ms: ours; how often it is looked whether devices and workers
            still live. So long a death may go unnoticed where nobody waits for it.
    """

    sync_mode: SyncMode = "async"
    verify_compress: bool = False
    cpu_to_iaa: Literal["cores", "cpus"] = "cores"
    wq_tables: Literal["package", "global"] = "package"
    g_wqs_per_iaa: Annotated[int, Meta(ge=0, le=MAX_WQS)] = 1
    g_consec_descs_per_gwq: Annotated[int, Meta(ge=1, le=MAX_CONSEC_DESCS)] = 1
    global_wq_start: Literal["staggered", "literal"] = "staggered"
    g_comp_wqs_per_iaa: Annotated[int, Meta(ge=0, le=MAX_WQS)] = 1
    distribute_comps: bool = True
    distribute_decomps: bool = False
    wq_balance: Literal["turns", "shortest"] = "turns"
    enqcmds_retries: Annotated[int, Meta(ge=0, le=64)] = 32
    comp_alloc_retries: Retries = 1000
    decomp_alloc_retries: Retries = 500
    completion_timeout_ms: Annotated[int, Meta(ge=1, le=MAX_MS)] = 5000
    watch_interval_ms: Annotated[int, Meta(ge=1, le=MAX_MS)] = 100

    def split_wqs(self, count: int) -> tuple[range, range]:
        """Give which of a device's *count* queues compress, and which decompress."""
        if 0 < self.g_comp_wqs_per_iaa < count:
            first = count - self.g_comp_wqs_per_iaa
            return range(first, count), range(first)
        return range(count), range(count)

    def split_global(self, count: int) -> tuple[range, range]:
        """Give which of a device's *count* queues are global, and which local."""
        first = count - self.g_wqs_per_iaa if self.g_wqs_per_iaa < count else count
        return range(first, count), range(first)

    def engines_for(self, kind: int) -> dict[str, str]:
        """
        Give the engines that a queue for *kind* needs, and what the driver does there.

        A verify descriptor goes to the queue that compressed: iaa_compress_verify.
        """
        if kind == DECOMP:
            return {"decompress_engines": "decompresses"}
        verify = {"decompress_engines": "verifies"} if self.verify_compress else {}
        return {"compress_engines": "compresses"} | verify


class ZswapSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """
    Parameters of zswap, a cgroup and a sysctl, by the kernel's names and defaults.

    Attributes:
        compressor: with its level after a colon, where it has levels.
        max_pool_percent: of ``Topology.memory``; a full pool takes pages again below
            accept_threshold_percent of that.
        batching: see the design; batch_size is SWAP_CRYPTO_SUB_BATCH_SIZE.
        nr_sub_batches: ours; how many are in flight where batching is on. One is put
            away while devices do the other; processes are woken later than hardware
            is ready, so a host's own topology has more.
        writeback: memory.zswap.writeback; what does not compress is kept as it is
            if it may be written back later, and rejected if not; off, nothing goes
            to a swap file.
        shrinker_enabled: a full pool writes its coldest pages back to a swap file,
            where there is one, so that it takes new ones. On is ours: the kernel's
            is off by default, acts on memory pressure, and its pool shrinks at the
            limit without it.
        same_filled_pages_enabled, exclusive_loads: parameters that older kernels had.
        compress_batchsize: vm.compress-batchsize, in folios; 32 is ours, the
            kernel's is 1.
        page_cluster: vm.page-cluster; up to 2**page_cluster pages that lie side by
            side come back together.
        checksum: ours, the kernel has none: each page has one of its original bytes,
            and wrong data is an error of its load. Off, nothing is compared: to
            measure what that costs, or where devices are trusted.
    """

    compressor: Annotated[
        str, Meta(pattern=f"^({'|'.join(COMPRESSORS)})(:-?[0-9]{{1,5}})?$")
    ] = "deflate-iaa"
    max_pool_percent: Percent = 20
    accept_threshold_percent: Percent = 90
    batching: Batching = "driver"
    batch_size: Annotated[int, Meta(ge=1, le=MAX_BATCH_SIZE)] = 8
    nr_sub_batches: Annotated[int, Meta(ge=1, le=MAX_SUB_BATCHES)] = 2
    writeback: bool = True
    shrinker_enabled: bool = True
    same_filled_pages_enabled: bool = True
    exclusive_loads: bool = True
    compress_batchsize: Annotated[int, Meta(ge=1, le=MAX_COMPRESS_BATCHSIZE)] = 32
    page_cluster: Annotated[int, Meta(ge=0, le=5)] = 3
    checksum: bool = True
