"""
verify_compress: what a device has compressed it also decompresses, for the CRC.

    compressed -> hold: CRC noted -> into the queue again, output suppressed -> take
                                           CRC the same -> done | else: the page's error

The CRC is the caller's where the request has checksums, and the compression's own
otherwise, as in the kernel: a device that read the wrong bytes gives one that fits.
Until then a page is not done.  What software compresses is not verified: it is what
a page comes to that no device has done.

Source: Linux, drivers/crypto/intel/iaa/iaa_crypto_main.c, iaa_compress_verify.
"""

import errno
from collections.abc import Iterator, Sequence
from itertools import groupby

from mpzswap.completion.status import Status, errno_of
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.portal import Portal
from mpzswap.driver.request import IaaRequest, Run, Unverified

SUCCESS = int(Status.SUCCESS)
REASON = "verify_compress"


class Verification:
    """Takes compressed pages, and what came of their verification."""

    def __init__(self, portal: Portal, outcome: Outcome) -> None:
        self._portal = portal
        self._outcome = outcome

    def hold(self, request: IaaRequest, run: Run, positions: Sequence[int]) -> None:
        """Keep what was compressed pending, and let it be verified."""
        crcs, checksums = self._portal.records["crc"], request.checksums
        for position in positions:
            request.crcs[position] = (
                checksums[request.order[position]]
                if checksums
                else int(crcs[request.first + position])
            )
        for start, stop in stretches(positions):
            request.unverified.append(Unverified(run.queue, start, stop))

    def take(
        self, request: IaaRequest, positions: Sequence[int], answers: Sequence[int]
    ) -> list[int]:
        """Give the positions that are right; the pages at the others have failed."""
        right = []
        for position, status in zip(positions, answers, strict=True):
            record = self._portal.records[request.first + position]
            page = request.order[position]
            if status != SUCCESS:
                error = errno_of(status, int(record["error_code"]))
                self._outcome.fail(request, page, error, REASON)
            elif int(record["crc"]) != request.crcs[position]:
                self._outcome.refuse(request, page, -errno.EINVAL, REASON)
            else:
                right.append(position)
                continue
            request.lengths[page] = 0
        return right


def stretches(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give ascending *positions* as (start, stop) of those that adjoin."""
    by_gap = groupby(enumerate(positions), key=lambda pair: pair[1] - pair[0])
    for _, group in by_gap:
        part = [position for _, position in group]
        yield part[0], part[-1] + 1
