"""What becomes of a page that no device has done: it fails, or software does it."""

import errno

from mpzswap.acomp.request import Operation
from mpzswap.driver.request import IaaRequest
from mpzswap.driver.software import Software
from mpzswap.driver.stats import DriverStats


class Outcome:
    """Ends pages, and counts why."""

    def __init__(self, stats: DriverStats, software: Software) -> None:
        self.stats = stats
        self._software = software

    def fail(self, request: IaaRequest, page: int, error: int, reason: str) -> None:
        """End a page with the negative errno that its completion became."""
        self.refuse(request, page, error, reason)
        self.count_error(error)

    def refuse(self, request: IaaRequest, page: int, error: int, reason: str) -> None:
        """End a page with a negative errno that no completion said."""
        request.errors[page] = error
        self.stats.count_reason(reason)

    def fall_back(self, request: IaaRequest, page: int, reason: str) -> None:
        """Do a page in software; it counts as that, never as a device's success."""
        self.stats.count_reason(reason)
        if request.operation == Operation.COMPRESS:
            self.stats.total_sw_comp_calls += 1
            self._software.compress(request, page)
        else:
            self.stats.total_sw_decomp_calls += 1
            self._software.decompress(request, page)

    def fall_back_rest(self, request: IaaRequest, reason: str) -> None:
        """Do in software what is in no queue."""
        for page in request.order[request.next :]:
            self.fall_back(request, page, reason)
        request.next = len(request.pages)

    def fail_rest(self, request: IaaRequest, error: int, reason: str) -> None:
        """End what is in no queue."""
        for page in request.order[request.next :]:
            self.fail(request, page, error, reason)
        request.next = len(request.pages)

    def count_error(self, error: int) -> None:
        """Count a completion by the errno that it became."""
        if error == -errno.E2BIG:
            self.stats.total_completion_comp_buf_overflow_errors += 1
        elif error == -errno.ETIMEDOUT:
            self.stats.total_completion_timeout_errors += 1
        elif error == -errno.EINVAL:
            self.stats.total_completion_einval_errors += 1
