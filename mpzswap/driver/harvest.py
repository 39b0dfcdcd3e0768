"""
Completion: the answers of devices, and what to do where none comes.

    every page of a run answered  -> its results
    limit passed                  -> counted as -ETIMEDOUT, and the device is ended
    device dead                   -> what it did not answer is done in software

Why a late answer harms nobody: nothing that a device was told to read or write is
used for anything else before the device has answered or its process has ended.  A
device that does not answer is therefore ended by SIGKILL, which a stopped process
does not survive either, and only then are its pages taken back.  If it is started
anew, that is another incarnation, whose lanes are others: what the dead one had not
taken, nobody takes.

Why no answer is taken for another's: a record is used again only for a descriptor that
is published later, and a device may repeat what it answered before, while the new
answer is awaited.  But what it repeats was taken before the new descriptor was
published, and says so: an answer counts only if its ``taken_ns`` is not below the
``submitted_ns`` of its run.  All processes have one clock, which ours was read from
before we published.

Why it may be looked at while it is written: a device writes no status, then the sizes,
then the stamps, then the status.  We look the other way round: at the stamp, then at
the status, then at the rest.  Who sees the new stamp cannot see the old status any
more; who then sees a status, sees what belongs to it.
"""

import errno
from collections.abc import Sequence

from mpzswap.acomp.request import Operation, Path
from mpzswap.completion.status import ErrorCode, Status, errno_of
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.request import IaaRequest, Run, picked, put
from mpzswap.driver.stages import RunTimes
from mpzswap.driver.verify import Verification, stretches
from mpzswap.page.frame import PAGE_SIZE

# Plain integers: comparing with a member of an enum costs three times as much.
NONE = int(Status.NONE)
SUCCESS = int(Status.SUCCESS)
DEVICE = int(Path.DEVICE)
E2BIG = -errno.E2BIG
# What a device says of a page whose stream has no room in a page.
TOO_LONG = (int(Status.ANALYTICS_ERROR), int(ErrorCode.COMP_BUF_OVERFLOW))
# Estimates are off by so much where processes share cores; to look whether a device
# still lives costs some system calls.
LOOK_AFTER_NS = 1_000_000
# Of the limit: a second of the five that are usual, long for a device that goes on.
GRACE_PART = 5


class Harvest:
    """
    Takes the answers of requests in flight; see the module.

    Attributes:
        grace_ns: the last part of the limit.
    """

    def __init__(
        self, parts: DriverParts, times: ServiceTimes, outcome: Outcome
    ) -> None:
        self._parts = parts
        self._portal = parts.portal
        self._times = times
        self._outcome = outcome
        self._verification = Verification(parts.portal, outcome)
        self._timeout_ns = parts.settings.completion_timeout_ms * 1_000_000
        self.grace_ns = self._timeout_ns // GRACE_PART

    def take(self, request: IaaRequest) -> None:
        """Take every run that is over; look after the others once they are due."""
        for run in list(request.runs):
            # Mostly answered last: while it is not, one look does for the run, and
            # the device keeps the cache lines of the others.
            if not self._portal.status(request.first + run.stop - 1):
                continue
            answers = self._answers(request, run)
            if 0 not in answers:
                self._end_run(request, run)
                self._take_run(request, run, answers)
        now_ns = self._parts.clock.now_ns()
        if request.runs and now_ns > request.due_ns:
            if now_ns - request.due_ns > LOOK_AFTER_NS:
                self._give_up_dead(request)
            self._end_late(request, now_ns)

    # Answers

    def _answers(self, request: IaaRequest, run: Run) -> bytes:
        """Give the status of each record of a run; 0 where it is not its answer's."""
        first, count = request.first + run.start, run.stop - run.start
        # In this order, see the module.
        taken = self._portal.taken_ns(first, count)
        statuses = self._portal.statuses(first, count)
        submitted_ns = run.submitted_ns
        if min(taken) >= submitted_ns:
            return statuses
        return bytes(
            status if taken_ns >= submitted_ns else 0
            for status, taken_ns in zip(statuses, taken, strict=True)
        )

    def _take_run(self, request: IaaRequest, run: Run, answers: bytes) -> None:
        """Take a run, all pages of which are answered."""
        self._take_answers(request, run, run.start, answers)
        self._learn(request, run)
        if self._parts.counts_stages:
            self._note_times(request, run)

    def _note_times(self, request: IaaRequest, run: Run) -> None:
        """Note when its pages were where; what a verification takes is a wait."""
        first, count = request.first + run.start, run.stop - run.start
        taken = self._portal.taken_ns(first, count)
        run.queue.stats.wait_ns += sum(taken) - count * run.submitted_ns
        if run.part is None:
            completed = self._portal.completed_ns(first, count)
            times = run.attempted_ns, run.submitted_ns
            request.run_times.append(RunTimes(*times, taken, completed))

    def _learn(self, request: IaaRequest, run: Run) -> None:
        """Learn from the stamps of a run how long its device takes."""
        stamps = self._portal.stamps(request.first + run.stop - 1)
        now_ns = self._parts.clock.now_ns()
        # Whatever a device says: we sleep as long as it lets us expect.
        taken_ns, completed_ns = (
            min(max(each, run.submitted_ns), now_ns) for each in stamps
        )
        operation = Operation.DECOMPRESS if run.part else request.operation
        self._times.learn(operation, max(0, completed_ns - taken_ns))
        # From here on it works on what is left of ours.
        queue = run.queue
        queue.free_ns = completed_ns
        queue.expect(completed_ns, self._times.expected_ns(operation, queue.in_flight))

    def _take_answers(
        self, request: IaaRequest, run: Run, start: int, answers: bytes
    ) -> None:
        """Take the answers of the positions of a run from *start* on, one or more."""
        if run.part is not None:
            positions = range(start, start + len(answers))
            right = self._verification.take(request, positions, answers)
            self._end_compressed(request, run, right)
        elif request.operation == Operation.COMPRESS:
            self._take_compressed(request, run, start, answers)
        else:
            self._take_decompressed(request, run, start, answers)

    # By columns, since most pages are as they should be.  What is not is put right
    # after that, page by page.

    def _take_compressed(
        self, request: IaaRequest, run: Run, start: int, answers: bytes
    ) -> None:
        count = len(answers)
        stop = start + count
        sizes = self._portal.sizes(request.first + start, count)
        bad = unlike(SUCCESS, answers)
        for place in bad:
            sizes[place] = 0
        request.statuses[start:stop] = answers
        request.paths[start:stop] = [DEVICE] * count
        request.lengths[start:stop] = sizes
        good: Sequence[int] = range(start, stop)
        if bad:
            self._take_errors(request, [start + place for place in bad])
            good = [each for each in good if answers[each - start] == SUCCESS]
        if self._parts.settings.verify_compress:
            self._verification.hold(request, run, good)
        else:
            self._end_compressed(request, run, good)

    def _take_errors(self, request: IaaRequest, positions: Sequence[int]) -> None:
        """End pages that were not compressed; most of them do not get smaller."""
        codes = self._portal.error_codes(request.first, positions[-1] + 1)
        too_long = 0
        for position in positions:
            if (request.statuses[position], codes[position]) == TOO_LONG:
                request.errors[position] = E2BIG
                too_long += 1
            else:
                self._take_error(request, position)
        if too_long:
            stats = self._outcome.stats
            stats.device_pages += too_long
            stats.total_completion_comp_buf_overflow_errors += too_long
            stats.count_reason("comp_buf_overflow", too_long)

    def _end_compressed(
        self, request: IaaRequest, run: Run, positions: Sequence[int]
    ) -> None:
        """End pages that are compressed, and right if that was to be verified."""
        if isinstance(positions, range):
            done = slice(positions.start, positions.stop)
            request.errors[done] = [0] * len(positions)
            done_bytes = sum(request.lengths[done])
        else:
            for position in positions:
                request.errors[position] = 0
            done_bytes = sum(request.lengths[position] for position in positions)
        stats = self._outcome.stats
        stats.device_pages += len(positions)
        stats.total_comp_bytes_out += done_bytes
        run.queue.stats.comp_bytes += done_bytes

    def _take_decompressed(
        self, request: IaaRequest, run: Run, start: int, answers: bytes
    ) -> None:
        count = len(answers)
        sizes = self._portal.sizes(request.first + start, count)
        order = request.order[start : start + count]
        put(request.statuses, order, answers)
        put(request.paths, order, [DEVICE] * count)
        put(request.errors, order, [0] * count)
        done_bytes = sum(picked(request.lengths, order))
        bad = unlike(SUCCESS, answers)
        short = [place for place in unlike(PAGE_SIZE, sizes) if place not in bad]
        for place in (*bad, *short):
            done_bytes -= request.lengths[order[place]]
        for place in bad:
            self._take_error(request, start + place)
        for place in short:
            self._outcome.fall_back(request, order[place], "decompressed_size")
        stats = self._outcome.stats
        stats.device_pages += count - len(bad) - len(short)
        stats.total_decomp_bytes_in += done_bytes
        run.queue.stats.decomp_bytes += done_bytes

    def _take_error(self, request: IaaRequest, position: int) -> None:
        page = request.order[position]
        code = int(self._portal.records["error_code"][request.first + position])
        error = errno_of(request.statuses[page], code)
        reason = f"status_{request.statuses[page]:#04x}"
        if request.operation == Operation.DECOMPRESS:
            self._outcome.count_error(error)
            self._outcome.fall_back(request, page, reason)
        else:
            self._outcome.fail(request, page, error, reason)

    # Silence

    def _give_up_dead(self, request: IaaRequest) -> None:
        """Do in software what a device that is gone did not answer."""
        is_usable = self._parts.machine.is_usable
        servers = {run.queue.server for run in request.runs}
        dead = {server for server in servers if not is_usable(*server)}
        for run in [run for run in request.runs if run.queue.server in dead]:
            self._end_run(request, run)
            reason = "completion_timeout" if run.late else "device_died"
            for position in self._unanswered(request, run):
                self._outcome.fall_back(request, request.order[position], reason)

    def _end_late(self, request: IaaRequest, now_ns: int) -> None:
        """
        Have a device ended that has not answered within the limit.

        Its last part begins when we see that the rest is over: where all of us were
        stopped meanwhile, as by Ctrl-Z, the device has time to answer after that.
        """
        for run in request.runs:
            if now_ns - run.submitted_ns <= self._timeout_ns - self.grace_ns:
                continue
            if not run.overdue_ns:
                run.overdue_ns = now_ns
                # It may sleep: Ctrl-C may have come between our store and the bell.
                run.queue.doorbell.ring()
            if not run.late and now_ns - run.overdue_ns >= self.grace_ns:
                run.late = True
                for _ in range(run.start, run.stop):
                    self._outcome.count_error(-errno.ETIMEDOUT)
                self._parts.machine.end(*run.queue.server)

    def _unanswered(self, request: IaaRequest, run: Run) -> Sequence[int]:
        """Take what is answered of a run that will not be over; give the rest."""
        # Read now that the device is dead: nothing comes after it.
        answers = self._answers(request, run)
        answered = unlike(NONE, answers)
        for start, stop in stretches(answered):
            part = answers[start:stop]
            self._take_answers(request, run, run.start + start, part)
        return [
            run.start + place for place, status in enumerate(answers) if status == NONE
        ]

    @staticmethod
    def _end_run(request: IaaRequest, run: Run) -> None:
        place = request.runs.index(run)
        # No call between the two, so no Ctrl-C: a queue's length stays true.
        del request.runs[place]
        run.queue.ended += run.stop - run.start


def unlike(usual: int, values: Sequence[int]) -> list[int]:
    """Give the places of *values* that are not the *usual* one; mostly none are."""
    if values.count(usual) == len(values):
        return []
    return [place for place, value in enumerate(values) if value != usual]
