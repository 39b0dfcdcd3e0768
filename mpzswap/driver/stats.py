"""What the driver counts: names as in iaa_crypto's debugfs."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class WqStats:
    """
    One work queue, as one submitter used it.

    Source of the first four: drivers/crypto/intel/iaa/iaa_crypto_stats.c, wq_stats.
    """

    # Descriptors submitted, and bytes of their compressed side once completed.
    comp_calls: int = 0
    comp_bytes: int = 0
    decomp_calls: int = 0
    decomp_bytes: int = 0
    # Descriptors that verified a compression; the kernel counts them nowhere.
    verify_calls: int = 0
    # Times that there was no place, and it was tried again.
    retries: int = 0
    # The most descriptors outstanding, of all submitters, at a submission of ours.
    max_occupancy: int = 0
    # Attempts to get a place that a fault refused; they are among the retries.
    injected_queue_full: int = 0
    # How long descriptors waited in it, ns, all together; where stages are counted.
    wait_ns: int = 0

    def add(self, other: "WqStats") -> None:
        """Add what another submitter counted of the same queue."""
        highest = max(self.max_occupancy, other.max_occupancy)
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        self.max_occupancy = highest


@dataclass
class DriverStats:
    """
    One driver instance.

    Source: the same file, global_stats; total_sw_comp_calls as in version 14 of the
    series.  Bytes are counted on success alone, and a fallback's not at all.
    """

    # Descriptors submitted to devices.
    total_comp_calls: int = 0
    total_decomp_calls: int = 0
    # Pages that software did instead.
    total_sw_comp_calls: int = 0
    total_sw_decomp_calls: int = 0
    total_comp_bytes_out: int = 0
    total_decomp_bytes_in: int = 0
    # Completions by what they became: -EINVAL, -ETIMEDOUT, -E2BIG.
    total_completion_einval_errors: int = 0
    total_completion_timeout_errors: int = 0
    total_completion_comp_buf_overflow_errors: int = 0
    # Pages whose result is a device's: done, or found not to fit.
    device_pages: int = 0
    # Why pages did not end as a device's success; pages by reason.
    reasons: dict[str, int] = field(default_factory=dict)

    def count_reason(self, reason: str, pages: int = 1) -> None:
        """Count pages that did not end as a device's success."""
        self.reasons[reason] = self.reasons.get(reason, 0) + pages

    def add(self, other: "DriverStats") -> None:
        """Add what another driver instance counted."""
        for name, value in vars(other).items():
            if name != "reasons":
                setattr(self, name, getattr(self, name) + value)
        self.reasons = dict(Counter(self.reasons) + Counter(other.reasons))
