"""
The file of a sweep: JSON Lines, one a combination; one that was cut short goes on.

    read --> lines that an earlier call left; a torn last one is dropped
    append   as soon as a run ends, and kept on the disk
    finish   all lines anew, in the order of the combinations, at once or not at all

Of lines of one combination the last holds: one that had failed is done again.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from mpzswap.errors import InputError, MpzswapError
from mpzswap.report.sweep_records import FORMAT, SweepLine, seen
from mpzswap.version import __version__
from mpzswap.workload.sweep import SweepPlan, key_of

# With what each line begins, and so what a torn one was.
HEAD = f'{{"format":{FORMAT},"command":"sweep"'.encode()


class SweepFile:
    """
    An open file of a sweep.

    Attributes:
        lines: what was in it.
    """

    def __init__(self, name: str, fd: int) -> None:
        self._name = name
        self._fd = fd
        with self._told():
            data = Path(f"/proc/self/fd/{fd}").read_bytes()
        whole, newline, torn = data.rpartition(b"\n")
        self._good_bytes = len(whole + newline)
        rows = whole.split(b"\n") if newline else []
        self.lines = [self._line(*row) for row in enumerate(rows, 1)]
        if not (torn.startswith(HEAD) or HEAD.startswith(torn)):
            raise InputError(f"{self._place(len(rows) + 1)}: is no line of a sweep")

    def _line(self, number: int, row: bytes) -> SweepLine:
        try:
            line = msgspec.json.decode(row, type=SweepLine)
            has_report = seen(line) is not None
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InputError(
                f"{self._place(number)}: is no line of a sweep: {error}"
            ) from error
        if not row.startswith(HEAD):
            raise InputError(
                f"{self._place(number)}: command {line.command} of format "
                f"{line.format}: must be sweep of format {FORMAT}"
            )
        has_error = not isinstance(line.error, msgspec.UnsetType)
        if has_error == has_report or (line.ok and has_error):
            raise InputError(
                f"{self._place(number)}: is no line of a sweep: must have a report, or "
                "an error and not be ok"
            )
        return line

    def seed(self) -> int | None:
        """Give the seed that all lines have; None if there is none."""
        seeds = {line.parameters.get("seed") for line in self.lines}
        seed = seeds.pop() if len(seeds) == 1 else None
        return seed if isinstance(seed, int) else None

    def done(self, plan: SweepPlan) -> dict[int, SweepLine]:
        """
        Give the lines that need not be done again, by place in the combinations.

        Raises:
            InputError: one is of no combination, or was made of something else.
        """
        combinations = plan.combinations()
        places = {key_of(each): place for place, each in enumerate(combinations)}
        found: dict[int, SweepLine] = {}
        for number, line in enumerate(self.lines, 1):
            place = places.get(key_of(line.parameters))
            if place is None:
                words = msgspec.json.encode(line.parameters).decode()
                raise InputError(
                    f"{self._place(number)}: is of another sweep: {words}; give "
                    "another file, or the same parameters"
                )
            self._check_origin(number, line, plan)
            found[place] = line
        return {place: line for place, line in found.items() if line.ok}

    def _check_origin(self, number: int, line: SweepLine, plan: SweepPlan) -> None:
        """Refuse a line that would be another today."""
        name = line.parameters["topology"]
        for what, said, now in (
            ("mpzswap", line.version, __version__),
            (f"topology {name}", line.topology_digest, plan.digest_of(line.parameters)),
        ):
            if said != now:
                raise InputError(
                    f"{self._place(number)}: {what} was {said or 'not said'}: must be "
                    f"{now}, as it is now; give another file"
                )

    def append(self, line: SweepLine) -> None:
        """
        Add a line, and have it kept on the disk.

        Raises:
            MpzswapError: the system does not let us.
        """
        with self._told():
            if self._good_bytes < os.fstat(self._fd).st_size:
                os.ftruncate(self._fd, self._good_bytes)
            row = msgspec.json.encode(line) + b"\n"
            self._good_bytes += write_all(self._fd, row)
            os.fsync(self._fd)

    def finish(self, lines: Iterable[SweepLine]) -> None:
        """
        Put *lines* in place of all that is there.

        Raises:
            MpzswapError: the system does not let us; what was there still is.
        """
        place = Path(self._name).resolve()
        with self._told(), contextlib.ExitStack() as stack:
            fd, fresh = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
            stack.callback(Path(fresh).unlink, missing_ok=True)
            stack.callback(os.close, fd)
            os.fchmod(fd, stat.S_IMODE(os.fstat(self._fd).st_mode))
            for line in lines:
                write_all(fd, msgspec.json.encode(line) + b"\n")
            os.fsync(fd)
            Path(fresh).rename(place)

    def _place(self, number: int) -> str:
        return f"--output: {self._name}: line {number}"

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the system says into our one line."""
        try:
            yield
        except OSError as error:
            raise MpzswapError(f"--output: {self._name}: {error.strerror}") from error


@contextlib.contextmanager
def opened(name: str) -> Iterator[SweepFile]:
    """
    Open the file of a sweep; without a line it is not there afterwards, if it was not.

    Raises:
        InputError: it cannot be written, or is no file of a sweep.
        MpzswapError: another sweep is at it.
    """
    fresh = not os.path.lexists(name)
    try:
        fd = os.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666)
    except OSError as error:
        raise InputError(f"--output: {name}: {error.strerror}") from error
    try:
        _claim(name, fd)
        yield SweepFile(name, fd)
    finally:
        if fresh and not os.fstat(fd).st_size:
            Path(name).unlink(missing_ok=True)
        os.close(fd)


def _claim(name: str, fd: int) -> None:
    """Refuse what is no plain file, or another's."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise InputError(f"--output: {name}: must be a file")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise MpzswapError(f"--output: {name}: another sweep writes it") from error


def write_all(fd: int, data: bytes) -> int:
    """Write all of *data*; give how many bytes that were."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    return len(data)
