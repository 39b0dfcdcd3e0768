"""
The machine's device processes: started, told of memory, watched, started anew.

A device that died is never waited for: its word says DIED, every driver chooses its
queues anew, and what was in flight there is done in software.  Whoever looks notices
it: a stress run that waits for its workers at once, since it waits for the devices'
ends as well; others within ``watch_interval_ms``, or when an answer is overdue.

A device that is stopped, or that loses an answer, is noticed by whoever waits for it,
after ``completion_timeout_ms``; it is then ended by SIGKILL.
"""

import itertools
import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from statistics import fmean

import msgspec

from mpzswap.device.counters import DeviceCounters, read_injected
from mpzswap.device.main import DeviceConfig
from mpzswap.device.timed import Unit, units_of
from mpzswap.device.words import COUNTERS, ENGINES, INJECTED
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError, MpzswapError
from mpzswap.machine.attachment import Attachment
from mpzswap.machine.board import Board, DeviceState
from mpzswap.machine.child import Child
from mpzswap.machine.costs import device_codec
from mpzswap.machine.device_process import DeviceProcess
from mpzswap.machine.ending import KILL_TIMEOUT_S, wait_gone
from mpzswap.machine.plan import Plan
from mpzswap.machine.process import Starter
from mpzswap.machine.signals import uninterrupted
from mpzswap.machine.virtual import VirtualStarter
from mpzswap.ring.attach import Detach, PublishCounters, encode
from mpzswap.ring.doorbell import new_eventfd
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import WqId

ENTRY = "mpzswap.device.main:main"
FAULTY_ENTRY = "mpzswap.device.faults:main"
TIMED_ENTRY = "mpzswap.device.timed:main"
# An idle device looks for work for longer than the gaps between two sub-batches: to
# wake a sleeping one costs 50 to 90 us, most of it the submitter's.  Between looks it
# yields its core; without that, 200 us halved the speed of stores on two cores.
SPIN_NS = 100_000
# A device looks at its control after the batch in hand; other processes may have the
# core.
ANSWER_TIMEOUT_S = 5.0
# Whoever waits for an answer looks for late devices this often.
LOOK_INTERVAL_S = 0.1
# Statistics are not worth a longer wait; a stuck device's are a little older.
COUNTERS_TIMEOUT_S = 0.5
# A device that is started anew: a fork, some milliseconds.  Whoever looks waits for
# it, and the others of its process go on.
RESTART_TIMEOUT_S = 2.0


class Devices:
    """All device processes of a machine."""

    def __init__(self, topology: Topology, board: Board) -> None:
        self.all: list[DeviceProcess] = []
        # Threads of the user share the control sockets: one at a time.
        self._lock = threading.Lock()
        self._topology = topology
        self._board = board
        self._attached: dict[int, Attachment] = {}
        # Of what is asked more than once.
        self._numbers = itertools.count(1)
        self._watch_interval_s = topology.driver.watch_interval_ms / 1000
        self._looked_at_s = 0.0
        self._ending = False

    def start(self, starter: Starter | VirtualStarter, plan: Plan) -> None:
        """Start every device; ready when this returns."""
        self._starter = starter
        self._now_s = starter.now_s
        self._plan = plan
        for index, device in enumerate(self._topology.devices):
            eventfd = new_eventfd(f"device {device.name}")
            try:
                child = self._start_child(index, 0, eventfd)
            except BaseException:
                os.close(eventfd)
                raise
            self.all.append(DeviceProcess(index, device, child, eventfd, starter.now_s))
        for process in self.all:
            process.child.wait_ready()
            self._board.set_state(process.index, DeviceState.READY)

    def _start_child(self, index: int, incarnation: int, eventfd: int) -> Child:
        device, plan = self._topology.devices[index], self._plan
        config = DeviceConfig(
            device=device,
            compressor=plan.compressor,
            words_offset=self._board.device_words_offset(index, incarnation),
            incarnation=incarnation,
        )
        entry = FAULTY_ENTRY if device.faults else ENTRY
        if plan.clock.is_timed:
            entry, timing = TIMED_ENTRY, self._topology.timing
            assert timing is not None, "the plan of a run has looked"
            codec = device_codec(timing, plan.compressor)
            config = msgspec.structs.replace(config, timing=codec)
        else:
            core = place(index, len(self._topology.devices), plan.cores)
            config = msgspec.structs.replace(config, core=core, spin_ns=SPIN_NS)
        return self._starter.start(
            entry,
            f"device {device.name}",
            msgspec.json.encode(config),
            [self._board.segment.fd, eventfd],
        )

    def let_end(self) -> None:
        """From now on it is no news that a device has ended, and none is started."""
        self._ending = True
        # One that is being started anew is told of memory that is closed after this.
        with self._lock:
            for process in self.all:
                self._look_at(process)
                process.child.reported = True

    def close(self) -> None:
        """Give the doorbells back; the processes end with their starter."""
        for process in self.all:
            os.close(process.eventfd)
        self.all.clear()

    @property
    def eventfds(self) -> tuple[int, ...]:
        """The doorbell of each device."""
        return tuple(process.eventfd for process in self.all)

    @property
    def pidfds(self) -> list[int]:
        """Give what is readable as soon as a device that is ready has ended."""
        return [
            process.child.process.pidfd
            for process in self.all
            if self.state(process.index) == DeviceState.READY
        ]

    # Memory

    def attach(self, attachment: Attachment) -> None:
        """Tell each device of a segment, and wait for all."""
        with self._lock:
            # First: one that is started anew later is told of it as well.
            self._attached[attachment.segment] = attachment
            bodies = [attachment.message(process) for process in self.all]
            try:
                limit_s = ANSWER_TIMEOUT_S + attachment.mapping_s
                self._tell(bodies, attachment.fds, limit_s)
            except BaseException:
                # Ctrl-C: some have been told.
                self._let_forget(attachment.segment)
                raise

    def detach(self, segment: int) -> None:
        """Let all devices forget a segment; when this returns they have."""
        with self._lock:
            body = self._forget(segment)
            self._tell([body] * len(self.all))

    def detach_nowait(self, segment: int) -> None:
        """
        Let all devices forget a segment, in their own time.

        For memory of the dead, of which nothing is used again: a device that is
        stopped holds up nobody.  Its answer is dropped with the next that is awaited.
        Nothing is done where they do not know it.
        """
        with self._lock:
            if segment in self._attached:
                self._let_forget(segment)

    def _let_forget(self, segment: int) -> None:
        body = self._forget(segment)
        for process in self.all:
            if self.state(process.index) == DeviceState.READY:
                self._say(process, body, ())

    def _forget(self, segment: int) -> bytes:
        attachment = self._attached.pop(segment)
        return encode(Detach(attachment.pasid, segment))

    def publish_counters(self) -> set[int]:
        """Let all devices write their counters; give those whose are of before."""
        with self._lock:
            request = encode(PublishCounters(next(self._numbers)))
            bodies = [request] * len(self.all)
            return self._tell(bodies, limit_s=COUNTERS_TIMEOUT_S, end_late=False)

    # Deaths

    def watch(self) -> None:
        """Look, unless the last look was less than ``watch_interval_ms`` ago."""
        if self._now_s() - self._looked_at_s > self._watch_interval_s:
            self.look()

    def look(self) -> None:
        """
        Note which devices have died, end those that are late, start some anew.

        Waits for a device that is started anew, at most RESTART_TIMEOUT_S and what
        it takes to map all memory.
        """
        # Whoever has the lock is talking to the devices, and sees deaths as well.  Not
        # acquire and try: an interrupt between the two would keep it for ever.
        if self._lock.locked():
            return
        with self._lock:
            self._looked_at_s = self._now_s()
            for process in self.all:
                self._look_at(process)

    def _look_at(self, process: DeviceProcess) -> None:
        state = self.state(process.index)
        if state == DeviceState.READY:
            self._end_if_late(process)
            if not process.child.is_alive():
                self._note_death(process)
        elif not process.is_noted:
            # Ctrl-C came while we started it, or noted its death.
            self._end_now(process)
        elif process.is_due and not self._ending:
            self._start_anew(process)

    def _end_if_late(self, process: DeviceProcess) -> None:
        """Kill a device that a submitter has waited for in vain."""
        late = self._board.late_row(process.index)
        if self.state(process.index) == DeviceState.READY and (
            process.incarnation + 1 in late
        ):
            process.kill()

    def _start_anew(self, process: DeviceProcess) -> None:
        """Give a device another process, or another death."""
        # Lanes last: what waits in one may name any of the memory.
        attached = sorted(self._attached.values(), key=attrgetter("has_lanes"))
        limit_s = RESTART_TIMEOUT_S + sum(each.mapping_s for each in attached)
        until = self._now_s() + limit_s
        process.begin_anew()
        index, incarnation = process.index, process.incarnation
        try:
            self._board.set_state(index, DeviceState.STARTING, incarnation)
            # Ctrl-C would leave a process that nobody knows of, with our doorbell.
            with uninterrupted():
                child = self._start_child(index, incarnation, process.eventfd)
                dead, process.child = process.child, child
                dead.close()
            process.child.wait_ready(RESTART_TIMEOUT_S)
            for attachment in attached:
                body = attachment.message(process)
                process.child.send(body, attachment.fds)
                self._hear(process, body, until)
        except MpzswapError as error:
            self._end_now(process, str(error))
        except BaseException:
            self._end_now(process)
            raise
        else:
            process.restarts += 1
            self._board.set_state(index, DeviceState.READY, incarnation)

    def state(self, index: int) -> DeviceState:
        """Give what is known of a device."""
        return DeviceState(self._board.state(index))

    def queue_state(self, wq: WqId) -> str:
        """Give "enabled" or "disabled"."""
        return "enabled" if self._board.is_enabled(wq) else "disabled"

    def counters(self, index: int) -> DeviceCounters:
        """Give what a device has counted, in all its incarnations."""
        total = DeviceCounters()
        for words in self._words(index):
            total.add(DeviceCounters.read(words[COUNTERS]))
        return total

    def engines(self, index: int) -> list[Unit]:
        """Give a device's engines, and how long each has worked by its profile."""
        units = list(units_of(self.all[index].device))
        for words in self._words(index):
            for unit in units:
                unit.busy_ns += words[ENGINES][unit.number]
        return units

    def busy_ns(self, index: int) -> float:
        """
        Give how long a device worked on descriptors, ns.

        Where a profile's time is kept, its engines of the kind that was busier, in the
        mean.
        """
        if not self._plan.clock.is_timed:
            return self.counters(index).busy_ns
        kinds: dict[bool, list[int]] = {}
        for unit in self.engines(index):
            kinds.setdefault(unit.compresses, []).append(unit.busy_ns)
        return max((fmean(times) for times in kinds.values()), default=0.0)

    def injected(self, index: int) -> dict[str, int]:
        """Give which faults a device has injected, in all its incarnations."""
        total: Counter[str] = Counter()
        for words in self._words(index):
            total.update(read_injected(words[INJECTED]))
        return dict(total)

    def _words(self, index: int) -> Iterator[memoryview]:
        """Give the words of each incarnation that a device has had."""
        for incarnation in range(self.all[index].incarnation + 1):
            yield self._board.device_words(index, incarnation)

    # Talking; with the lock

    def _tell(
        self,
        bodies: Sequence[bytes],
        fds: tuple[int, ...] = (),
        limit_s: float = ANSWER_TIMEOUT_S,
        *,
        end_late: bool = True,
    ) -> set[int]:
        """
        Send each device its message, then wait for all answers, *limit_s* in all.

        Returns:
            Who did not answer.
        """
        until = self._now_s() + limit_s
        silent = set()
        told = [
            (process, body)
            for process, body in zip(self.all, bodies, strict=True)
            if self.state(process.index) == DeviceState.READY
            and self._say(process, body, fds)
        ]
        for process, body in told:
            try:
                self._hear(process, body, until)
            except DeviceDiedError:
                self._end_now(process)
            except CompletionTimeoutError:
                silent.add(process.index)
                if end_late:
                    self._end_now(process)
        return silent

    def _hear(self, process: DeviceProcess, body: bytes, until: float) -> None:
        """
        Wait for a device's answer to *body*; earlier ones that nobody took are dropped.

        Nobody else looks at the devices meanwhile, so those that are late end here.

        Raises:
            DeviceDiedError: it is dead.
            CompletionTimeoutError: it did not answer until then.
        """
        answer = None
        while answer != body:
            left_s = max(0.0, until - self._now_s())
            try:
                answer = process.child.receive(min(left_s, LOOK_INTERVAL_S)).body
            except CompletionTimeoutError:
                if not left_s:
                    raise
                for each in self.all:
                    self._end_if_late(each)

    def _say(self, process: DeviceProcess, body: bytes, fds: Sequence[int]) -> bool:
        try:
            process.child.send(body, fds)
        except (DeviceDiedError, CompletionTimeoutError):
            # Dead, or without its end of the socket, or stuck.
            self._end_now(process)
            return False
        return True

    def _end_now(self, process: DeviceProcess, why: str = "") -> None:
        process.kill()
        wait_gone([process.child.process.pidfd], KILL_TIMEOUT_S, {})
        self._note_death(process, why)

    def _note_death(self, process: DeviceProcess, why: str = "") -> None:
        """Note that a process has ended; *why*, if its own end does not tell."""
        if process.is_noted:
            return
        incarnation = process.incarnation
        self._board.set_state(process.index, DeviceState.DIED, incarnation)
        death = process.child.death()
        process.note_death(why or str(death))
        if death.__cause__ is not None:
            # The machine survives it, but it is a bug of ours: show it.
            warnings.warn(f"{death}\n{death.__cause__}", RuntimeWarning, stacklevel=2)


def place(index: int, devices: int, cores: Sequence[int]) -> int | None:
    """
    Give the core that a device stays on; None: the scheduler decides.

    Two busy devices that may move were seen to share a core for long.  But where
    submitters have no core of their own, one that runs on a device's core holds that
    device up, though another core is idle: stores took twice as long.  Two machines
    that are open at once pin to the same cores.
    """
    return cores[index] if devices < len(cores) else None
