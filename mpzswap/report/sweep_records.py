"""
What a sweep gives: a line for each combination, which is JSON Lines, and all of them.

Format 1: the first.  Names may be added; none goes or changes its meaning.
"""

from typing import Any

import msgspec

FORMAT = 1

# Words of a run and their values; below "set" those of a topology's attributes.
Parameters = dict[str, Any]


class SweepLine(msgspec.Struct, frozen=True, kw_only=True):
    """
    One combination.

    Attributes:
        parameters: as a parameter file has them.
        version: of the program that did it.
        topology_digest: of the topology that its name stood for, written out.
        ok: the run was done, and no page was lost or wrong.
        error: why it could not be done; not there if it was.
        report: its ``StressReport``; not there without a run.
    """

    format: int = FORMAT
    command: str = "sweep"
    parameters: Parameters
    version: str = ""
    topology_digest: str = ""
    ok: bool
    error: str | msgspec.UnsetType = msgspec.UNSET
    report: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``sweep``, its runs in the order of the combinations."""

    format: int = FORMAT
    command: str = "sweep"
    version: str
    runs: tuple[SweepLine, ...]
    ok: bool


class SeenLatency(msgspec.Struct, frozen=True):
    """What the table shows of a latency."""

    p50: int


class SeenLatencies(msgspec.Struct, frozen=True):
    """What the table shows of the latencies."""

    store_page: SeenLatency


class SeenZswap(msgspec.Struct, frozen=True):
    """What the table shows of zswap."""

    compression_ratio: float


class SeenReport(msgspec.Struct, frozen=True):
    """What the table shows of a ``StressReport``, be it of an older version."""

    clock: str
    throughput_bytes_per_s: float
    latency_ns: SeenLatencies
    zswap: SeenZswap
    problems: tuple[str, ...] = ()


def seen(line: SweepLine) -> SeenReport | None:
    """Give what the table shows of a run; None if there was none."""
    if isinstance(line.report, msgspec.UnsetType):
        return None
    return msgspec.json.decode(line.report, type=SeenReport)
