"""What a ``selftest`` run gives, as records; see ``mpzswap.report.records``."""

import msgspec

from mpzswap.report.records import FORMAT


class SelftestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors of a compressor, one way."""

    compressor: str
    # "codec", or how the driver and the requests were set: "async/driver".
    mode: str
    vectors: int
    passed: int
    failed: int


class SelftestFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A vector whose answer was wrong."""

    compressor: str
    mode: str
    vector: str
    fault: str


class SelftestReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``selftest`` run; nothing in it is a time."""

    format: int = FORMAT
    command: str = "selftest"
    version: str
    # The order of the vectors follows from it.
    seed: int
    results: tuple[SelftestResult, ...]
    failures: tuple[SelftestFailure, ...]
    ok: bool
