"""Children for test_life_cycle.py; they are imported in the starter, by path."""

import os
import select
import signal
import sys
from pathlib import Path

from mpzswap.machine.control import FIRST, LAST, ChildControl, Kind

# Nobody waits for it: the end of control ends every child here.
LONG_S = 60.0


def echo(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Be ready with the config; give back each message until told to drain."""
    del fds
    control.ready(config)
    while not control.draining:
        message = control.receive(LONG_S)
        if message is not None:
            control.send(message.body, message.fds)


def write_into(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Write the config into every descriptor, then send one of our own."""
    for fd in fds:
        os.write(fd, config)
    own = os.memfd_create("own")
    os.write(own, b"from the child")
    control.ready(b"%d" % len(fds))
    control.send(b"", [own])
    os.close(own)
    control.receive(LONG_S)


def fail(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Raise, with the config as the text."""
    del control, fds
    raise ValueError(config.decode())


def fail_late(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Raise once told to drain, when nobody asks any more."""
    echo(control, config, fds)
    raise ValueError("too late")


def fail_unread(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Raise when something has been said, without listening to it."""
    del config, fds
    control.ready()
    select.select([control], [], [], LONG_S)
    raise ValueError("did not listen")


def speak_unread(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Say a last word and leave, without listening to what was said."""
    del config, fds
    control.ready()
    select.select([control], [], [], LONG_S)
    control.send(b"last word")


def write_out(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Write to standard output and error as a C library might, then echo."""
    # Were it our control, the parent would take it for a whole message.
    stray = bytes((Kind.MESSAGE, FIRST | LAST)) + b"stray"
    for standard in (1, 2):
        os.write(standard, stray)
    echo(control, config, fds)


def tell_path(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Be ready with where modules are looked for."""
    del config, fds
    control.ready("\n".join(sys.path).encode())
    control.receive(LONG_S)


def be_silent(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Never be ready."""
    del config, fds
    control.receive(LONG_S)


def be_deaf(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Ignore the end of control, SIGTERM and its own alarm; only SIGKILL helps."""
    del config, fds
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    control.ready()
    select.select([], [], [], LONG_S)


def be_busy(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Never look at control; SIGTERM helps."""
    del config, fds
    control.ready()
    select.select([], [], [], LONG_S)


def say_much(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Once told to drain, say more than a socket holds."""
    echo(control, config, fds)
    control.send(bytes(4 << 20))


def list_descriptors(control: ChildControl, config: bytes, fds: list[int]) -> None:
    """Send which descriptors are open here, and the process name."""
    del config, fds
    open_fds = sorted(
        str(path.readlink())
        for path in Path("/proc/self/fd").iterdir()
        if path.is_symlink()
    )
    control.ready("\n".join(open_fds).encode())
    control.send(Path("/proc/self/comm").read_bytes().strip())
    control.receive(LONG_S)
