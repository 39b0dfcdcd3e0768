"""
Faults that a device is to have: one line each, in a topology or after ``--inject``.

    KIND[:KEY=VALUE[,KEY=VALUE...]]

    wrong_data:p=1%,device=iax1,op=compress     crash:after=500,device=iax0
    slow:delay=2ms,every=10                     status:code=TRANSLATION_FAIL

    kind             what happens to a descriptor
    wrong_data       bytes of its output are changed; the record says success, and has
                     the CRC of the right data
    truncated        half of its output is missing; the record says success, and half
                     the size
    page_fault       half of its output is missing; PAGE_FAULT_IR, its address, and
                     bytes_completed
    output_overflow  COMP_BUF_OVERFLOW, or OUTBUF_OVERFLOW of a decompression
    watchdog         WATCHDOG
    hw_error         HW_ERR1
    status           the status *code*
    lost             it is done, and never answered
    late             its answer is held back for *delay*; others go on meanwhile
    duplicate        it is answered once more: into the record of the device's next
                     descriptor that has the same one, before that is answered
    slow             it takes *delay* longer
    crash            the device process is killed
    stop             the device process is stopped
    queue_full       there is none: an attempt to get places in the queue is refused

    key        which descriptors; of queue_full: which attempts, of each submitter and
               queue
    device=    of this device; with --inject alone, and all devices without it
    wq=        in this queue of the device, by its index or its name
    op=        compress, decompress, or verify: a decompression without output
    after=N    not the first N of them
    every=N    of those the Nth, and each Nth after it
    p=         of those each with this probability: 1% or 0.01
    count=N    N of them at most
    seed=N     what p draws from; without it the run's --seed
    delay=     of late (10ms without it) and slow (1ms): 100us, 20ms, 1s
    code=      of status: a member of completion.status.Status, by name or number

Each fault counts by itself, for each device apart, and from 0 where a device is started
anew.  Where one fault of a device has made the answer, those after it in the list do
not see the descriptor.
"""

import random
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What goes wrong; the order is that of the words in which it is counted."""

    WRONG_DATA = "wrong_data"
    TRUNCATED = "truncated"
    PAGE_FAULT = "page_fault"
    OUTPUT_OVERFLOW = "output_overflow"
    WATCHDOG = "watchdog"
    HW_ERROR = "hw_error"
    STATUS = "status"
    LOST = "lost"
    LATE = "late"
    DUPLICATE = "duplicate"
    SLOW = "slow"
    CRASH = "crash"
    STOP = "stop"
    QUEUE_FULL = "queue_full"


class Op(StrEnum):
    """What a descriptor asks for."""

    COMPRESS = "compress"
    DECOMPRESS = "decompress"
    VERIFY = "verify"


# A record that says success, and an output that is none.
DAMAGE = (Kind.WRONG_DATA, Kind.TRUNCATED)
# What a device does once in its life.
ENDS = (Kind.CRASH, Kind.STOP)
DEFAULT_DELAY_NS = {Kind.LATE: 10_000_000, Kind.SLOW: 1_000_000}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One line, see the module; 0, None and "" are for what it does not say."""

    kind: Kind
    device: str = ""
    wq: str = ""
    op: Op | None = None
    after: int = 0
    every: int = 1
    p: float = 1.0
    count: int = 0
    seed: int | None = None
    delay_ns: int = 0
    code: int = 0

    def queues(self, names: Sequence[str]) -> tuple[int, ...]:
        """Give the indices of the queues that it is for, of those with *names*."""
        if self.wq.isdigit():
            index = int(self.wq)
            return (index,) if index < len(names) else ()
        return tuple(index for index, name in enumerate(names) if self.wq in ("", name))

    @property
    def damages_compressions(self) -> bool:
        """Whether a compression may say success and have no stream of its page."""
        return self.kind in DAMAGE and self.op in (None, Op.COMPRESS)


class Trigger:
    """
    Says of each descriptor that a fault is for whether it is hit.

    Args:
        fault: says which.
        stream: whose descriptors these are; each draws by itself, and the same ones
            in every run of one seed.
    """

    def __init__(self, fault: Fault, stream: str) -> None:
        self.fault = fault
        self._seen = 0
        self._hits = 0
        seed = f"{fault.seed or 0} {stream}"
        self._random = random.Random(seed)  # noqa: S311 - a choice, no secret

    def hits(self) -> bool:
        """Count a descriptor; tell whether it is hit."""
        fault = self.fault
        self._seen += 1
        turn = self._seen - fault.after
        if turn <= 0 or turn % fault.every or 0 < fault.count <= self._hits:
            return False
        if fault.p < 1 and self._random.random() >= fault.p:
            return False
        self._hits += 1
        return True
