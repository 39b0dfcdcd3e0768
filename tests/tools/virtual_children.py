"""Entries of children in virtual time: what tests of a starter let run."""

import os
from collections.abc import Sequence

from mpzswap.machine.control import ChildControl

DELAY_NS = 1000


def echo(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Say what was given, then repeat each word a while later, until let go."""
    del fds
    control.ready(config)
    while not control.draining:
        message = control.receive(1.0)
        if message is not None:
            control.clock.sleep_ns(DELAY_NS)
            control.send(message.body)


def fail(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Have a bug."""
    del fds
    control.ready()
    raise LookupError(config.decode())


def fail_at_the_end(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Have a bug in draining."""
    echo(control, config, fds)
    raise LookupError("late")


def write(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Use what was given: write it into the first descriptor."""
    control.ready()
    os.write(fds[0], config)


def wait_for_ever(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Wait for what nobody writes."""
    del config
    control.ready()
    control.clock.wait_readable(fds, 1 << 60)


def never_ready(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Let time pass, and do not say that it may be worked with."""
    del config, fds
    while True:
        control.clock.sleep_ns(1_000_000_000)


def never_done(control: ChildControl, config: bytes, fds: Sequence[int]) -> None:
    """Be ready, and do not listen."""
    control.ready()
    never_ready(control, config, fds)
