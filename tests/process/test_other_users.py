"""What another user may not see or write: told in a line, and memory stays closed."""

import contextlib
import ctypes
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mpzswap
from mpzswap.cli.main import main
from mpzswap.ring.memory import MODE, Segment

# Linux, include/uapi/linux/prctl.h.
PR_SET_DUMPABLE = 4
# "nobody" wherever there is one; any number but ours would do.
OTHER_UID = 65534

pytestmark = [
    pytest.mark.usefixtures("nobody_left"),
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user"),
]


def as_other_user(act: Callable[[], str]) -> str:
    """Give what *act* says in a fork of ours that has become another user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(OTHER_UID)
            os.setuid(OTHER_UID)
            # Else its own /proc/self would be root's, whatever the modes of files.
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
            said = act()
        except BaseException as error:  # noqa: BLE001 - it is what is said
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def run(*words: str) -> str:
    """Give the status and what a command says on standard error."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        status = main(words)
    return f"{status} {told.getvalue()}"


def segments_of(pid: int) -> list[Path]:
    """Give the open segments of a process."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        # Not the one by which we look.
        with contextlib.suppress(FileNotFoundError):
            if "memfd:mpzswap" in str(fd.readlink()):
                found.append(fd)
    return found


def opened(path: Path) -> str:
    """Open a file; give what became of it."""
    for flags in (os.O_RDWR, os.O_RDONLY):
        try:
            os.close(os.open(path, flags))
        except OSError as error:
            said = str(error.strerror)
        else:
            return "opened"
    return said


@pytest.fixture(autouse=True)
def _reachable(tmp_path: Path) -> Iterator[None]:
    """Let the other user as far as our folder, and the package; not for long."""
    package = Path(mpzswap.__file__).parent
    closed = [
        folder
        for folder in {tmp_path, *tmp_path.parents, *package.parents}
        if folder.stat().st_mode & 0o777 == 0o700
    ]
    for folder in closed:
        folder.chmod(0o711)
    yield
    for folder in closed:
        folder.chmod(0o700)


def test_segments_of_a_machine_cannot_be_opened() -> None:
    """Neither the parent's nor a device's."""
    with mpzswap.Machine(mpzswap.Topology.for_host(devices=1)) as machine:
        machine.allocate_pages(1)
        device = machine.core.devices.all[0].child.pid
        paths = [path for pid in (os.getpid(), device) for path in segments_of(pid)]
        assert len(paths) >= 4
        assert {opened(path) for path in paths} == {"opened"}

        said = as_other_user(lambda: ", ".join(set(map(opened, paths))))

    assert said == "Permission denied"


def test_segment_is_its_owner_s_alone() -> None:
    """Also for whoever has its descriptor: by its mode it cannot be opened anew."""
    segment = Segment.create(1, 4096)
    path = Path(f"/proc/self/fd/{segment.fd}")
    assert opened(path) == "opened"

    said = as_other_user(lambda: opened(path))
    os.fchmod(segment.fd, MODE | 0o006)
    with_mode = as_other_user(lambda: opened(path))
    segment.close()

    assert (said, with_mode) == ("Permission denied", "opened")


def test_memory_of_another_user_s_process_is_told_in_a_line() -> None:
    """With what to check."""
    pid = os.getpid()

    said = as_other_user(lambda: run("stress", "--quiet", "--pages", f"pid:{pid}"))

    assert said.startswith(
        f"2 mpzswap stress: pid {pid}: the system does not let us read its memory; "
    )
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        "topology check {}",
        "stress --quiet --topology {}",
        "stress --quiet --pages {}",
        "stress --quiet --json {}",
        "bench --quiet --json {}",
        "topology list --json {}",
    ],
)
def test_file_of_another_user_is_told_in_a_line(line: str, tmp_path: Path) -> None:
    """To be read or to be written; it is as it was."""
    file = tmp_path / "secret.yaml"
    file.write_text("secret")
    file.chmod(0o600)

    said = as_other_user(lambda: run(*line.format(file).split()))

    assert said.startswith("2 mpzswap ")
    assert said.endswith(f"{file}: Permission denied\n")
    assert file.read_text() == "secret"


def test_swap_folder_that_cannot_be_written_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is started."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    said = as_other_user(lambda: run("stress", "--quiet", "--swap", "1M"))

    assert said == f"2 mpzswap stress: swap: {tmp_path}: Permission denied\n"


def test_folder_of_another_user_has_no_pages(tmp_path: Path) -> None:
    """What cannot be listed is as good as empty."""
    folder = tmp_path / "closed"
    folder.mkdir(0o700)

    said = as_other_user(lambda: run("stress", "--quiet", "--pages", str(folder)))

    assert said == (
        f"2 mpzswap stress: pages: {folder}: holds no bytes that can be read "
        "(1 skipped)\n"
    )
