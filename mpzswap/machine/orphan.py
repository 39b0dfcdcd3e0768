"""
A child whose parent is gone ends itself, if nobody else does.

    parent's end closed --child drains--> the starter: SIGTERM, SIGKILL
                            --looks of our own, LOOKS of them--> we leave

The starter ends what stays behind its parent, but may be dead as well; and a child
that is at work may wait for what its parent alone can bring about, as that a late
device is ended.  So it does not rely on its own loops either: an alarm interrupts them.
"""

import select
import signal
from collections.abc import Callable

from mpzswap.machine.control import Channel

# The last look comes 1 to 1.5 s after the end: what drains has as long as the starter
# gives it, and all are gone within 2 s.
LOOK_INTERVAL_S = 0.5
LOOKS = 3


def leave_with_parent(channel: Channel, leave: Callable[[], None]) -> None:
    """Have *leave* called soon after the other side of *channel* is gone."""
    poller = select.poll()
    poller.register(channel.fileno(), select.POLLRDHUP)
    left = LOOKS

    def look(*_: object) -> None:
        nonlocal left
        if poller.poll(0):
            left -= 1
            if not left:
                leave()
        set_alarm()

    def set_alarm() -> None:
        # One at a time: a look that is held up must not be interrupted by the next.
        signal.setitimer(signal.ITIMER_REAL, LOOK_INTERVAL_S)

    signal.signal(signal.SIGALRM, look)
    set_alarm()
