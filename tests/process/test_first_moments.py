"""Before a command has begun: Ctrl-C is quiet, and nothing slow is in its way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mpzswap

# For what takes a tenth of a second; a loaded machine may take its time.
LIMIT_S = 30.0

# A module that says that it is being imported, and takes its time: until somebody
# closes our standard input, at most LIMIT_S.
SLOW = f"""
import select, sys
print("importing", flush=True)
select.select([sys.stdin], [], [], {LIMIT_S})
raise SystemExit("nobody interrupted it")
"""

MODULE = ("-m", "mpzswap")
# What pip writes into the console script.
SCRIPT = ("-c", "import sys; from mpzswap.__main__ import main; sys.exit(main())")
WAYS = {"module": MODULE, "script": SCRIPT}


def interrupted(*command: str, folder: Path) -> tuple[int, str, str]:
    """Press Ctrl-C while a module in *folder* is imported; give what became of it."""
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [*command, "topology", "list"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=LIMIT_S)
    return process.returncode, output, errors


@pytest.mark.parametrize("module", ["numpy", "msgspec", "yaml", "argparse", "rich"])
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_among_the_imports_is_quiet(
    way: str, module: str, tmp_path: Path
) -> None:
    """It ends as by the signal, which a shell calls 130, and without a traceback."""
    (tmp_path / f"{module}.py").write_text(SLOW)

    ended = interrupted(sys.executable, *WAYS[way], folder=tmp_path)

    assert ended == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_that_is_ignored_stays_so(way: str, tmp_path: Path) -> None:
    """A shell has its background jobs ignore it; the import goes on to its end."""
    (tmp_path / "numpy.py").write_text(SLOW)

    ignoring = ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable]

    status, _, errors = interrupted(*ignoring, *WAYS[way], folder=tmp_path)

    assert (status, errors) == (1, "nobody interrupted it\n")


def run(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=folder,
    )


def test_package_alone_imports_nothing_slow(tmp_path: Path) -> None:
    """Else Ctrl-C would meet them before our first line."""
    code = (
        "import sys, mpzswap\n"
        "slow = {'numpy', 'msgspec', 'yaml', 'rich', 'zstandard', 'asyncio'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
        "print(sorted(m for m in sys.modules if m.startswith('mpzswap')))\n"
    )
    done = run(code, tmp_path)

    assert (done.stdout, done.stderr) == ("[]\n['mpzswap', 'mpzswap.version']\n", "")


def test_public_names_are_imported_when_they_are_asked_for(tmp_path: Path) -> None:
    """By attribute, by name and all together; they are one and the same."""
    code = (
        "import mpzswap\n"
        "assert set(mpzswap.__all__) <= set(dir(mpzswap))\n"
        "from mpzswap import Machine, Status\n"
        "assert mpzswap.Machine is Machine\n"
        "from mpzswap import *\n"
        "assert TopologyError is mpzswap.TopologyError\n"
        "from mpzswap.errors import TopologyError as Same\n"
        "assert Same is TopologyError\n"
        "assert set(mpzswap.__all__) <= set(vars(mpzswap))\n"
    )
    done = run(code, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_name_that_is_not_public_is_no_attribute() -> None:
    """In Python's own words."""
    with pytest.raises(AttributeError, match="'mpzswap' has no attribute 'nonsense'"):
        _ = mpzswap.nonsense  # type: ignore[attr-defined] # that is the test
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        from mpzswap import nonsense  # type: ignore[attr-defined] # noqa: F401, PLC0415
