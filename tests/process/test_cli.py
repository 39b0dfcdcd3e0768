"""``python -m mpzswap`` as its users run it: output, files, errors, signals."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mpzswap.cli import topology
from mpzswap.cli.main import COMMANDS
from mpzswap.report.bench_records import BenchReport
from mpzswap.report.records import ComparisonReport, StressReport

# For what takes a second or two; a loaded machine may take its time.
LIMIT_S = 60.0

TINY = {
    "stress": "--memory 1M --workers 2 --limit 1M --rounds 1",
    "bench": "--count 64 --repeat 1 --devices 1",
    "sweep": "--memory 1M --workers 1 --rounds 1",
    "topology": "",
    "selftest": "--compressor lz4",
    "validate": "--only 03/26",
    "chaos": "--memory 128K",
}
# One by one: all of a command's would take a loaded machine longer than a test may.
# But one of topology's reads what the one before it wrote.
EXAMPLES = [
    (example,)
    for command in COMMANDS
    if command.NAME != topology.NAME
    for example in command.EXAMPLES
] + [topology.EXAMPLES]
# A run that is to be stopped, and says when it has begun.
LONG = "stress --memory 1M --workers 2 --duration 1000 --progress"

pytestmark = pytest.mark.usefixtures("nobody_left")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Run:
    """Give what runs a command line in a folder of its own."""

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "mpzswap", *shlex.split(line)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            cwd=tmp_path,
        )

    return run


def start_long(folder: Path) -> "subprocess.Popen[str]":
    """Start the long run in a session of its own; it has begun when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mpzswap", *LONG.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "pages/s" in process.stderr.readline()
    return process


def test_topology_list_shows_the_host(run: Run) -> None:
    """The shortest command there is."""
    done = run("topology list")

    assert (done.returncode, done.stderr) == (0, "")
    assert "\nhost " in done.stdout


@pytest.mark.slow
def test_stress_shows_what_happened(run: Run) -> None:
    """The seed first, the verdict last, nothing on standard error."""
    done = run(f"stress {TINY['stress']} --seed 7")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert (lines[0], lines[-1]) == ("seed 7", "ok")
    assert max(map(len, lines)) <= 79


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"stress {TINY['stress']}", StressReport),
        (f"stress {TINY['stress']} --compare", ComparisonReport),
        (f"bench {TINY['bench']} --depth 1,16", BenchReport),
    ],
)
def test_json_stands_alone_on_standard_output(
    run: Run,
    line: str,
    kind: type[StressReport | ComparisonReport | BenchReport],
) -> None:
    """A script reads it without looking; the seed went to standard error."""
    done = run(f"{line} --seed 7 --json -")

    report = msgspec.json.decode(done.stdout, type=kind)
    assert (done.returncode, done.stderr) == (0, "seed 7\n")
    assert (report.seed, report.ok) == (7, True)


@pytest.mark.slow
def test_stats_are_all_that_quiet_leaves(run: Run) -> None:
    """A script that reads the kernel's files reads the first line already."""
    done = run(f"stress {TINY['stress']} --quiet --stats kernel")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "==> /sys/kernel/debug/zswap/pool_limit_hit <=="
    assert lines[-1] == "zswpwb 0"


@pytest.mark.slow
def test_stats_lie_in_files_beside_the_table(run: Run, tmp_path: Path) -> None:
    """Their numbers are those of the JSON."""
    done = run(f"stress {TINY['stress']} --stats kernel:root --json run.json")

    report = msgspec.json.decode(
        (tmp_path / "run.json").read_bytes(), type=StressReport
    )
    stored = (tmp_path / "root/sys/kernel/debug/zswap/stored_pages").read_text()
    vmstat = (tmp_path / "root/proc/vmstat").read_text()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nok\n")
    assert stored == f"{report.zswap.stored_pages}\n"
    assert f"zswpout {report.zswap.zswpout}\n" in vmstat


def test_bench_does_every_point_of_the_sweep(run: Run, tmp_path: Path) -> None:
    """Lists of operations, batches and depths; a file has what the table has."""
    done = run(f"bench {TINY['bench']} --batch-size 1,8 --depth 8,16 --json b.json")

    report = msgspec.json.decode((tmp_path / "b.json").read_bytes(), type=BenchReport)
    points = [(r.operation, r.batch_size, r.depth) for r in report.results]
    assert (done.returncode, done.stderr) == (0, "")
    assert points == [
        (operation, batch, depth)
        for operation in ("compress", "decompress")
        for batch in (1, 8)
        for depth in (8, 16)
    ]
    assert all(r.latency_ns.count and not r.software_pages for r in report.results)
    assert done.stdout.count("deflate-iaa") == len(points)


def test_bench_does_every_point_in_each_sync_mode(run: Run, tmp_path: Path) -> None:
    """Modes of one point stand together, in the order of the list."""
    done = run(
        f"bench {TINY['bench']} --sync-mode async_irq,sync --depth 8,16 --json b.json"
    )

    report = msgspec.json.decode((tmp_path / "b.json").read_bytes(), type=BenchReport)
    points = [(r.operation, r.depth, r.sync_mode) for r in report.results]
    assert (done.returncode, done.stderr) == (0, "")
    assert points == [
        (operation, depth, mode)
        for operation in ("compress", "decompress")
        for depth in (8, 16)
        for mode in ("async_irq", "sync")
    ]


def test_quiet_says_nothing(run: Run) -> None:
    """The exit status is all there is."""
    done = run(f"bench {TINY['bench']} --quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("line", "status", "what"),
    [
        ("stress --limit 5Q", 2, "argument --limit: '5Q'"),
        ("stress --topology nowhere.yaml --quiet", 2, "nowhere.yaml"),
        ("stress --memory 1000T", 2, "memory: 1000T"),
        ("stress --pages nowhere", 2, "pages: nowhere"),
        ("stress --json no/a.json --quiet", 2, "--json: no/a.json"),
        ("stress --stats kernel:/proc/no --quiet", 2, "--stats: /proc/no: "),
        ("stress --stats kernel --compare --quiet", 2, "--stats: not with --compare"),
        ("stress --stats json", 2, "argument --stats: 'json'"),
        ("bench --json no/a.json --quiet", 2, "--json: no/a.json"),
        ("bench --depth 0", 2, "argument --depth: '0'"),
        ("nonsense", 2, "'nonsense'"),
    ],
)
def test_mistake_is_one_line(run: Run, line: str, status: int, what: str) -> None:
    """It names the thing and the value, and shows no traceback."""
    done = run(line)

    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("mpzswap")
    assert what in done.stderr


def test_full_disk_under_json_fails_the_command_after_the_table(run: Run) -> None:
    """What was measured is shown all the same."""
    done = run(f"bench {TINY['bench']} --json /dev/full")

    assert done.returncode == 1
    assert done.stderr == "mpzswap bench: --json: /dev/full: No space left on device\n"
    assert done.stdout.endswith("ok\n")


def test_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    """``| head`` hears enough; the interpreter does not complain at its end."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "mpzswap", "topology", "schema"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=LIMIT_S,
        check=False,
        cwd=tmp_path,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "send"),
    [(signal.SIGINT, 130, os.killpg), (signal.SIGTERM, 143, os.kill)],
)
def test_children_are_gone_when_a_signal_has_ended_the_command(
    number: int, status: int, send: Callable[[int, int], None], tmp_path: Path
) -> None:
    """Ctrl-C goes to all processes of a terminal, ``timeout`` to the command alone."""
    process = start_long(tmp_path)
    send(process.pid, number)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == status
    assert all("pages/s" in line for line in errors.splitlines())
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.slow
def test_sigterm_to_all_processes_is_no_death_of_a_device(tmp_path: Path) -> None:
    """As the stop of a service sends it: the children go by themselves."""
    process = start_long(tmp_path)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 143
    assert all("pages/s" in line for line in errors.splitlines())


def pid_in_session(session: int, name: str) -> int:
    """Give the process of that name in the session of a command."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = path.read_text().rpartition(")")
            if head.endswith(f"({name}") and rest.split()[3] == str(session):
                return int(path.parent.name)
    raise AssertionError(f"{name}: no such process in session {session}")


@pytest.mark.slow
@pytest.mark.parametrize("send", [os.kill, os.killpg])
@pytest.mark.parametrize("stopped", ["", "device iax0", "worker 1"])
def test_killed_command_leaves_nobody(
    send: Callable[[int, int], None], stopped: str, tmp_path: Path
) -> None:
    """By SIGKILL, alone or with all its group; also where a process is stopped."""
    process = start_long(tmp_path)
    if stopped:
        os.kill(pid_in_session(process.pid, stopped), signal.SIGSTOP)
    send(process.pid, signal.SIGKILL)

    assert_killed_alone(process)


@pytest.mark.slow
def test_killed_command_without_starter_leaves_nobody(tmp_path: Path) -> None:
    """A worker that waits for what only the dead could do does not wait for ever."""
    process = start_long(tmp_path)
    # Stopped, it tells nobody that devices are dead: workers wait for their answers.
    os.kill(process.pid, signal.SIGSTOP)
    for name in ("device iax0", "device iax1", "mpzswap starter"):
        os.kill(pid_in_session(process.pid, name), signal.SIGKILL)
    os.kill(process.pid, signal.SIGKILL)

    assert_killed_alone(process)


def assert_killed_alone(process: "subprocess.Popen[str]") -> None:
    """
    The command is dead; its children have 2 s from now on, by ``nobody_left``.

    Whoever read the command's output would wait for them longer: they have it too.
    """
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()


@pytest.mark.slow
def test_impatient_ctrl_c_leaves_nobody(tmp_path: Path) -> None:
    """Pressed again and again it is still 130, without a traceback."""
    process = start_long(tmp_path)
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("examples", EXAMPLES, ids=" and ".join)
def test_examples_run(run: Run, examples: tuple[str, ...]) -> None:
    """Each line of the help does what it says, here with little to do."""
    for example in examples:
        name = example.split(maxsplit=1)[0]
        tiny = TINY[name].replace("--devices 1", "")
        if "--duration" in example:
            tiny = tiny.replace("--rounds 1", "--duration 0.1")
        if name == "chaos" and "--episode" not in example:
            tiny += " --duration 0.1"
        done = run(f"{re.sub('episodes [0-9]+', 'episodes 1', example)} {tiny}")

        errors = [line for line in done.stderr.splitlines() if "pages/s" not in line]
        assert (done.returncode, errors) == (0, []), example
