"""
Completion: the answers of devices, and what to do where none comes.

    every page of a run answered  -> its results
    limit passed                  -> counted as -ETIMEDOUT, and the device is ended
    device dead                   -> what it did not answer is done in software

Why a late answer harms nobody: nothing that a device was told to read or write is
used for anything else before the device has answered or its process has ended.  A
device that does not answer is therefore ended by SIGKILL, which a stopped process
does not survive either, and only then are its pages taken back.
"""

import errno
from collections.abc import Sequence

from mpzswap.acomp.request import Operation, Path
from mpzswap.completion.status import Status, errno_of
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.request import IaaRequest, Run
from mpzswap.page.frame import PAGE_SIZE

# Plain integers: comparing with a member of an enum costs three times as much.
SUCCESS = int(Status.SUCCESS)
DEVICE = int(Path.DEVICE)


class Harvest:
    """Takes the answers of requests in flight; see the module."""

    def __init__(
        self, parts: DriverParts, times: ServiceTimes, outcome: Outcome
    ) -> None:
        self._parts = parts
        self._portal = parts.portal
        self._times = times
        self._outcome = outcome
        self._timeout_ns = parts.settings.completion_timeout_ms * 1_000_000

    def take(self, request: IaaRequest) -> None:
        """Take every run that is over; look after the others once they are due."""
        statuses = self._portal.statuses(request.first, len(request.pages))
        for run in list(request.runs):
            answers = statuses[run.start : run.stop]
            if 0 not in answers:
                self._end_run(request, run)
                self._take_run(request, run, answers)
        now_ns = self._parts.clock.now_ns()
        if request.runs and now_ns > request.due_ns:
            self._give_up_dead(request)
            self._end_late(request, now_ns)

    # Answers

    def _take_run(self, request: IaaRequest, run: Run, answers: bytes) -> None:
        """Take a run, all pages of which are answered."""
        self._take_answers(request, range(run.start, run.stop), run, answers)
        last = self._portal.records[request.first + run.stop - 1]
        service_ns = int(last["completed_ns"]) - int(last["taken_ns"])
        self._times.learn(request.operation, service_ns)

    def _take_answers(
        self,
        request: IaaRequest,
        pages: Sequence[int],
        run: Run,
        answers: Sequence[int],
    ) -> None:
        records = self._portal.records[request.first : request.first + run.stop]
        sizes = records["output_size"].tolist()
        compress = request.operation == Operation.COMPRESS
        done_bytes = 0
        done_pages = 0
        for page, status in zip(pages, answers, strict=True):
            request.statuses[page] = status
            request.paths[page] = DEVICE
            if status != SUCCESS:
                code = int(records["error_code"][page])
                self._take_error(request, page, errno_of(status, code))
            elif compress:
                done_pages += 1
                done_bytes += sizes[page]
                request.lengths[page] = sizes[page]
                request.errors[page] = 0
            elif sizes[page] == PAGE_SIZE:
                done_pages += 1
                done_bytes += request.lengths[page]
                request.errors[page] = 0
            else:
                self._outcome.fall_back(request, page, "decompressed_size")
        stats = self._outcome.stats
        stats.device_pages += done_pages
        if compress:
            run.queue.stats.comp_bytes += done_bytes
            stats.total_comp_bytes_out += done_bytes
        else:
            run.queue.stats.decomp_bytes += done_bytes
            stats.total_decomp_bytes_in += done_bytes

    def _take_error(self, request: IaaRequest, page: int, error: int) -> None:
        reason = f"status_{request.statuses[page]:#04x}"
        if request.operation == Operation.DECOMPRESS:
            self._outcome.count_error(error)
            self._outcome.fall_back(request, page, reason)
        elif error == -errno.E2BIG:
            self._outcome.stats.device_pages += 1
            self._outcome.fail(request, page, error, "comp_buf_overflow")
        else:
            self._outcome.fail(request, page, error, reason)

    # Silence

    def _give_up_dead(self, request: IaaRequest) -> None:
        """Do in software what a device that is gone did not answer."""
        devices = {run.queue.device for run in request.runs}
        is_usable = self._parts.machine.is_usable
        dead = {device for device in devices if not is_usable(device)}
        for run in [run for run in request.runs if run.queue.device in dead]:
            self._end_run(request, run)
            reason = "completion_timeout" if run.late else "device_died"
            for page in self._unanswered(request, run):
                self._outcome.fall_back(request, page, reason)

    def _end_late(self, request: IaaRequest, now_ns: int) -> None:
        """Have a device ended that has not answered within the limit."""
        for run in request.runs:
            if not run.late and now_ns - run.submitted_ns > self._timeout_ns:
                run.late = True
                for _ in range(run.start, run.stop):
                    self._outcome.count_error(-errno.ETIMEDOUT)
                self._parts.machine.end(run.queue.device)

    def _unanswered(self, request: IaaRequest, run: Run) -> Sequence[int]:
        """Take what is answered of a run that will not be over; give the rest."""
        # Read now that the device is dead: nothing comes after it.
        statuses = self._portal.statuses(request.first, run.stop)
        pages = range(run.start, run.stop)
        answered = [page for page in pages if statuses[page]]
        answers = [statuses[page] for page in answered]
        self._take_answers(request, answered, run, answers)
        return [page for page in pages if not statuses[page]]

    @staticmethod
    def _end_run(request: IaaRequest, run: Run) -> None:
        request.runs.remove(run)
        run.queue.in_flight -= run.stop - run.start
