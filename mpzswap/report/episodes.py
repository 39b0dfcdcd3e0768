"""What a ``chaos`` run gives, as records; see ``records`` for how they may change."""

import msgspec

from mpzswap.report.records import FORMAT, LedgerReport, VerifyReport


class EpisodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    One episode of a ``chaos`` run.

    Attributes:
        settings: what was drawn, in words.
        faults: of its devices, as ``--inject`` takes them.
        blows: signals that hit a living process, in order.
        kills: of them SIGKILL; stops: SIGSTOP.
        restarts: times that a device was started anew.
        injected: faults that fired, by kind.
        problems: what went wrong, a line each; ``ok`` if nothing did.
    """

    number: int
    settings: str
    faults: tuple[str, ...]
    blows: tuple[str, ...]
    kills: int
    stops: int
    restarts: int
    injected: dict[str, int]
    ledger: LedgerReport
    verify: VerifyReport
    elapsed_s: float
    problems: tuple[str, ...]
    ok: bool


class ChaosReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``chaos`` run; the numbers are those of all episodes together."""

    format: int = FORMAT
    command: str = "chaos"
    version: str
    clock: str
    seed: int
    episodes: tuple[EpisodeReport, ...]
    kills: int
    stops: int
    restarts: int
    injected: dict[str, int]
    ledger: LedgerReport
    verify: VerifyReport
    elapsed_s: float
    ok: bool
