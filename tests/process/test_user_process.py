"""What the user's process does, or suffers, leaves no child behind and harms none."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHILDREN = "life_cycle_children"
# For what should happen at once; a loaded machine may take its time.
LIMIT_S = 60.0

pytestmark = pytest.mark.usefixtures("nobody_left")

# What each script begins with; it then has `starter` and `child`.
SCRIPT_START = f"""
import os, signal, sys
sys.path.append({str(HERE)!r})
from mpzswap.machine.process import Starter
starter = Starter(allowed=[{CHILDREN!r}])
child = starter.start("{CHILDREN}:echo", "device iax1")
child.wait_ready()
"""


def run_script(
    body: str, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a script; returns when all that inherited its output are gone."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT_START + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        pass_fds=pass_fds,
    )


def test_orphans_leave_when_the_parent_is_killed() -> None:
    """The run returns, since nobody holds the output that all inherited."""
    done = run_script("os.kill(os.getpid(), signal.SIGKILL)")

    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")


@pytest.mark.slow
def test_frozen_orphan_is_killed() -> None:
    """The starter ends by force what does not leave when the parent is killed."""
    done = run_script("""
        os.kill(child.pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGKILL)
    """)

    assert done.returncode == -signal.SIGKILL


def test_ctrl_c_leaves_nobody() -> None:
    """SIGINT to the whole process group ends the block and all children."""
    body = """
        with starter:
            print("ready", flush=True)
            child.receive(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT_START + textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == -signal.SIGINT
    # The parent's alone: no child said a word.
    assert errors.count(b"KeyboardInterrupt") == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_forgotten_starter_leaves_with_the_interpreter() -> None:
    """A script without a guard, without a with and without a close ends well."""
    done = run_script("print(child.is_alive())")

    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_fork_of_the_parent_stops_nothing() -> None:
    """A copy that ends, even by its block's end, leaves the devices alone."""
    done = run_script("""
        with starter:
            if (pid := os.fork()) == 0:
                try:
                    starter.start("life_cycle_children:echo", "copy's")
                except Exception as error:
                    print(type(error).__name__, flush=True)
                sys.exit()
            os.waitpid(pid, 0)
            child.send(b"hello")
            print(child.receive(5).body.decode())
    """)

    assert (done.stdout, done.stderr) == ("ClosedError\nhello\n", "")


def test_orphans_leave_though_a_fork_of_the_parent_lives() -> None:
    """The copy let go of the control sockets, so the children see the end."""
    read_end, write_end = os.pipe()
    try:
        done = run_script(
            f"""
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open("/dev/null", os.O_RDWR), 1)
                os.dup2(1, 2)
                os.read({read_end}, 1)
                os._exit(0)
            print(pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
            """,
            pass_fds=[read_end],
        )

        assert Path(f"/proc/{int(done.stdout)}").exists()
    finally:
        os.write(write_end, b"x")
        os.close(read_end)
        os.close(write_end)


@pytest.mark.parametrize("closed", ["0<&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"])
def test_closed_standard_files_do_no_harm(closed: str, tmp_path: Path) -> None:
    """No socket of ours becomes the standard output of a child."""
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT_START + f"child = starter.start('{CHILDREN}:write_out', 'cpu 0')\n"
        "assert child.wait_ready() == b''\n"
        "child.send(b'hello')\n"
        "assert child.receive(5).body == b'hello'\n"
        "assert child.stop() == 0\n"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$1" {closed}', sys.executable, str(script)],
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 0


def test_names_near_the_user_hide_nothing(tmp_path: Path) -> None:
    """A numpy.py, a queue.py and another mpzswap beside the script do no harm."""
    for name in ("numpy.py", "selectors.py", "starter.py", "mpzswap/__init__.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise AssertionError(__file__)")
    done = run_script(f"""
        os.chdir({str(tmp_path)!r})
        sys.path.insert(0, "")
        with Starter(allowed=["life_cycle_children"]) as second:
            child = second.start("life_cycle_children:echo", "device iax1")
            print(child.wait_ready(10))
    """)

    assert (done.stdout, done.stderr) == ("b''\n", "")


def test_uncaught_death_shows_the_traceback_of_the_child() -> None:
    """Python prints the cause first, once, and our one line last."""
    done = run_script("""
        with starter:
            starter.start("life_cycle_children:fail", "cpu 7", b"no").wait_ready()
    """)

    assert re.search(r"DeviceDiedError: cpu 7: .*ValueError: no\n$", done.stderr)
    assert done.stderr.count("in fail") == 1


def test_what_the_user_ignores_is_not_inherited() -> None:
    """A busy child dies of SIGTERM, and its exit code is known, whatever we ignore."""
    done = run_script("""
        starter.close()
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        starter = Starter(allowed=["life_cycle_children"])
        child = starter.start("life_cycle_children:be_busy", "device iax1")
        child.wait_ready()
        print(child.stop(drain_s=0.05))
    """)

    assert (done.stdout, done.stderr) == ("-15\n", "")
