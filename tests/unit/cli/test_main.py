"""What becomes of a command: exit status, one line, signals."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn, cast

import pytest

import mpzswap
from mpzswap.cli.main import COMMANDS, main, make_parser
from mpzswap.cli.options import shown_progress
from mpzswap.errors import CompletionTimeoutError, DeviceDiedError, InputError
from mpzswap.report.progress import HowFar
from tests.tools.fake_command import FakeCommand

Act = Callable[[argparse.Namespace], int]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Give signals back: a command that was stopped leaves them ignored."""
    before = {number: signal.getsignal(number) for number in (2, 15)}
    hook = sys.unraisablehook
    yield
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def raising(error: BaseException) -> Act:
    """Give an act that raises."""

    def act(_: argparse.Namespace) -> NoReturn:
        raise error

    return act


def run(act: Act, *words: str) -> int:
    """Run a command that acts so."""
    return main(["fake", *words], [FakeCommand(act)])


def test_status_of_the_command_is_ours() -> None:
    """What the command gives is what the shell gets."""
    assert run(lambda _: 0) == 0


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (DeviceDiedError("device iax1: died"), 1, "mpzswap fake: device iax1: died\n"),
        (InputError("limit: 1: too small"), 2, "mpzswap fake: limit: 1: too small\n"),
        (
            CompletionTimeoutError("worker 0: is stuck"),
            1,
            "mpzswap fake: worker 0: is stuck\n",
        ),
        (MemoryError(), 1, "mpzswap fake: the host has not enough memory\n"),
    ],
)
def test_error_is_one_line(
    error: Exception, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the command; the status tells whose fault it was."""
    assert run(raising(error)) == status

    assert capsys.readouterr() == ("", line)


def test_bug_shows_its_traceback() -> None:
    """What nobody raises on purpose is not made small."""
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_signal_ends_every_block(
    number: signal.Signals, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signal is an exception for the command, and silent for the user."""
    ended = []

    def act(_: argparse.Namespace) -> int:
        try:
            signal.raise_signal(number)
        finally:
            ended.append(True)
        return 0

    assert run(act) == status
    assert ended == [True]
    assert capsys.readouterr() == ("", "")


def test_second_ctrl_c_is_as_silent_as_the_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It may come while the first one is still ending the children."""

    def act(_: argparse.Namespace) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
        return 0

    assert run(act) == 130
    assert capsys.readouterr() == ("", "")
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_signal_that_python_ignored_ends_the_run_at_the_next_progress(
    number: signal.Signals, status: int
) -> None:
    """An exception in a destructor goes nowhere."""
    rounds = []

    class Last:
        """What goes when the signal comes."""

        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    def act(args: argparse.Namespace) -> int:
        sys.unraisablehook = lambda _: None
        args.progress = False
        with shown_progress(args) as on_progress:
            for turn in range(3):
                rounds.append(turn)
                Last()
                on_progress(cast("HowFar", None))
        return 0

    assert run(act) == status
    assert rounds == [0]


@pytest.mark.parametrize(
    "error", [DeviceDiedError("device iax1: died"), RuntimeError("unlocked lock")]
)
def test_error_that_a_signal_brought_about_is_the_signal(error: Exception) -> None:
    """Who stops all processes gets 143, not that a device died, or a library's lock."""

    def act(_: argparse.Namespace) -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise error
        return 0

    assert run(act) == 143


def test_signals_are_given_back() -> None:
    """Whoever calls main from a program of theirs keeps their handlers."""
    before = signal.getsignal(signal.SIGINT)
    run(lambda _: 0)

    assert signal.getsignal(signal.SIGINT) is before


def test_closed_pipe_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """``mpzswap ... | head`` is no error, but no success either."""
    reader, writer = os.pipe()
    os.close(reader)

    def act(_: argparse.Namespace) -> int:
        sys.stdout.write("a line\n")
        sys.stdout.flush()
        return 0

    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)

        assert run(act) == 141
    assert capfd.readouterr().err == ""


def test_full_disk_under_standard_output_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be written is said, since the report is lost."""

    def act(_: argparse.Namespace) -> int:
        sys.stdout.write("a line\n")
        return 0

    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdout", full)

        assert run(act) == 1
    line = "mpzswap fake: standard output: No space left on device\n"
    assert capsys.readouterr().err == line


def test_closed_standard_files_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """``mpzswap ... >&- 2>&-`` runs, and its words go nowhere."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    assert run(raising(InputError("wrong"))) == 2
    sys.stdout.close()
    sys.stderr.close()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["fake", "--nonsense"],
        ["fake", "--siz", "4K"],
        ["fake", "--quiet", "--progress"],
        ["fake", "--seed", "x"],
    ],
)
def test_wrong_usage_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and no usage of many lines above the error."""
    with pytest.raises(SystemExit) as ended:
        main(words, [FakeCommand(lambda _: 0)])

    output, errors = capsys.readouterr()
    assert ended.value.code == 2
    assert (output, len(errors.splitlines())) == ("", 1)
    assert errors.startswith("mpzswap")


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """A report of a bug begins with it."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"mpzswap {mpzswap.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
def test_help_ends_with_the_examples(
    command: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asks for help sees lines to copy, in 80 columns."""
    with pytest.raises(SystemExit):
        main([command.NAME, "--help"])

    lines = capsys.readouterr().out.splitlines()
    shown = [line.removeprefix("  mpzswap ") for line in lines]
    assert shown[-len(command.EXAMPLES) :] == list(command.EXAMPLES)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "example", [line for command in COMMANDS for line in command.EXAMPLES]
)
def test_example_is_understood(example: str) -> None:
    """No example has an option that there is not."""
    words = example.split()

    assert make_parser().parse_args(words).command == words[0]
