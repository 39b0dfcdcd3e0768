"""What a ``bench`` run gives, as records; see ``mpzswap.report.records``."""

import msgspec

from mpzswap.report.records import FORMAT, LatencyReport


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a ``bench`` sweep."""

    operation: str
    compressor: str
    batch_size: int
    depth: int
    devices: int
    sync_mode: str
    pages: int
    elapsed_s: float
    ns_per_page: float
    bytes_per_s: float
    ratio: float
    # Of these pages: done by software; not smaller when compressed.
    software_pages: int
    incompressible_pages: int
    # Of a batch, from submit to done.
    latency_ns: LatencyReport


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``bench`` run."""

    format: int = FORMAT
    command: str = "bench"
    version: str
    clock: str
    seed: int
    source: str
    results: tuple[BenchResult, ...]
    ok: bool
