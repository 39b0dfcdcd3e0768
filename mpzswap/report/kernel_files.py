"""
A stress run in the kernel's own layout: files as debugfs and procfs have them.

Scripts that read the kernel's files read these.  Their names and their text are
Linux's: mm/zswap.c (zswap_debugfs_init), drivers/crypto/intel/iaa/iaa_crypto_stats.c
(global_stats_show, wq_stats_show; the folder is iaa_crypto there, and iaa-crypto in
Documentation/driver-api/crypto/iaa), mm/vmstat.c (vmstat_text).
"""

from typing import NamedTuple

import msgspec

from mpzswap.report.records import DeviceReport, QueueReport, StressReport

ZSWAP = "sys/kernel/debug/zswap"
GLOBAL_STATS = "sys/kernel/debug/iaa_crypto/global_stats"
WQ_STATS = "sys/kernel/debug/iaa_crypto/wq_stats"
VMSTAT = "proc/vmstat"

# Of a ZswapReport.  Newer kernels have no same_filled_pages, since there the swap layer
# keeps zero pages and all others are compressed; ours are among stored_pages.
ZSWAP_NAMES = (
    "pool_limit_hit",
    "reject_reclaim_fail",
    "reject_alloc_fail",
    "reject_kmemcache_fail",
    "reject_compress_fail",
    "reject_compress_poor",
    "decompress_fail",
    "written_back_pages",
    "pool_total_size",
    "stored_pages",
    "same_filled_pages",
    "stored_incompressible_pages",
)
# An entry is an object of the interpreter, without a cache of its own that could be
# empty: if there is no memory for one, there is none for anything, and the run ends.
REJECT_KMEMCACHE_FAIL = 0

# Of a DriverReport.  total_sw_comp_calls is version 14's, at its place there.
GLOBAL_NAMES = (
    "total_comp_calls",
    "total_decomp_calls",
    "total_sw_comp_calls",
    "total_sw_decomp_calls",
    "total_comp_bytes_out",
    "total_decomp_bytes_in",
    "total_completion_einval_errors",
    "total_completion_timeout_errors",
    "total_completion_comp_buf_overflow_errors",
)
# Of a QueueReport, and their sums of a device.
WQ_NAMES = ("comp_calls", "comp_bytes", "decomp_calls", "decomp_bytes")

PATHS = (
    *(f"{ZSWAP}/{name}" for name in ZSWAP_NAMES),
    GLOBAL_STATS,
    WQ_STATS,
    VMSTAT,
)


class KernelFile(NamedTuple):
    """A file below the root folder."""

    path: str
    text: str


def kernel_files(report: StressReport) -> list[KernelFile]:
    """Give the files in the order of PATHS."""
    texts = [
        *(f"{value}\n" for value in _zswap(report)),
        _global_stats(report),
        "".join(map(_device, report.devices)),
        "".join(f"{name} {value}\n" for name, value in _vmstat(report).items()),
    ]
    return [KernelFile(*both) for both in zip(PATHS, texts, strict=True)]


def text(report: StressReport) -> str:
    """Give all files as ``tail -n +1`` prints them."""
    files = kernel_files(report)
    return "\n".join(f"==> /{path} <==\n{content}" for path, content in files)


def _zswap(report: StressReport) -> list[object]:
    values = msgspec.structs.asdict(report.zswap)
    values["reject_kmemcache_fail"] = REJECT_KMEMCACHE_FAIL
    return [values[name] for name in ZSWAP_NAMES]


def _global_stats(report: StressReport) -> str:
    lines = [f"  {name}: {getattr(report.driver, name)}\n" for name in GLOBAL_NAMES]
    return "".join(["global stats:\n", *lines, "\n"])


def _device(device: DeviceReport) -> str:
    """
    Give a device's part of wq_stats.

    The kernel forgets one that went; here it stays, so that the calls of all queues
    add up to those of global_stats.
    """
    sums = {name: sum(getattr(wq, name) for wq in device.wqs) for name in WQ_NAMES}
    lines = [
        "iaa device:\n",
        f"  id: {device.id}\n",
        f"  n_wqs: {len(device.wqs)}\n",
        *(f"  {name}: {value}\n" for name, value in sums.items()),
        "  wqs:\n",
        *map(_wq, device.wqs),
    ]
    return "".join(lines)


def _wq(wq: QueueReport) -> str:
    lines = [f"    {name}: {getattr(wq, name)}\n" for name in WQ_NAMES]
    return "".join([f"    name: {wq.configured_name}\n", *lines, "\n"])


def _vmstat(report: StressReport) -> dict[str, int]:
    """Give what we have of vmstat's lines, in its order."""
    zswap, readahead = report.zswap, report.readahead
    return {
        "pswpin": zswap.pswpin,
        "pswpout": zswap.pswpout,
        "swap_ra": readahead.swap_ra,
        "swap_ra_hit": readahead.swap_ra_hit,
        "zswpin": zswap.zswpin,
        "zswpout": zswap.zswpout,
        "zswpwb": zswap.written_back_pages,
    }
