"""The shared options: seed, progress, JSON, the end of a run."""

import argparse
import io
import os
import stat
from pathlib import Path

import pytest

from mpzswap.cli import options
from mpzswap.cli.options import Outcome, hand_over, json_output
from mpzswap.errors import InputError, MpzswapError


def parsed(*words: str) -> argparse.Namespace:
    """Parse the common options."""
    parser = argparse.ArgumentParser()
    options.add_common(parser)
    return parser.parse_args(words)


def text_of(_: object, *, terminal: bool) -> str:
    """Give a report for people."""
    return f"a table, terminal: {terminal}\n"


# Seed


def test_seed_is_printed_first(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that fails can be run again."""
    options.settle_seed(parsed("--seed", "7"))

    assert capsys.readouterr() == ("seed 7\n", "")


def test_seed_is_drawn_where_none_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is what is used."""
    args = parsed()
    options.settle_seed(args)

    assert 0 <= args.seed < options.DRAWN_SEEDS
    assert capsys.readouterr().out == f"seed {args.seed}\n"


def test_seed_is_not_on_standard_output_beside_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --json - nothing else is printed there."""
    options.settle_seed(parsed("--seed", "7", "--json", "-"))

    assert capsys.readouterr() == ("", "seed 7\n")


def test_quiet_prints_no_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """An error line will have it."""
    options.settle_seed(parsed("--quiet"))

    assert capsys.readouterr() == ("", "")


# Progress


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_terminal_that_knows_no_escape_codes_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Emacs and some log viewers say dumb."""
    monkeypatch.setenv("TERM", "dumb")

    assert not options.is_terminal(Terminal())


def test_terminal_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a pipe is not."""
    monkeypatch.setenv("TERM", "xterm")

    assert options.is_terminal(Terminal())
    assert not options.is_terminal(io.StringIO())


# JSON


def test_json_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """A shorter report leaves nothing of a longer one."""
    file = tmp_path / "a.json"
    file.write_text("x" * 1000)
    with json_output(str(file)) as write:
        write({"a": 1})

    assert file.read_text() == '{\n  "a": 1\n}\n'


def test_json_file_is_as_it_was_if_nothing_is_written(tmp_path: Path) -> None:
    """A run that fails takes no earlier result away, and leaves no empty file."""
    there, fresh = tmp_path / "there", tmp_path / "fresh"
    there.write_text("old")
    for file in (there, fresh):
        with json_output(str(file)):
            pass

    assert (there.read_text(), fresh.exists()) == ("old", False)


@pytest.mark.parametrize("name", ["no/a.json", "", "."])
def test_json_that_cannot_be_written_is_named_before_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a run whose result has no place."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match=f"--json: {name}: "), json_output(name):
        pass


def test_full_disk_under_json_is_one_line() -> None:
    """The file is named; it is not the user's mistake, so not 2."""
    with (
        pytest.raises(MpzswapError, match="--json: /dev/full: No space") as raised,
        json_output("/dev/full") as write,
    ):
        write({})

    assert not isinstance(raised.value, InputError)


def test_json_may_go_into_a_pipe(tmp_path: Path) -> None:
    """``--json >(jq ...)`` is a pipe that cannot be cut to length."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Not a thread that opens it: if we were first, it would wait for ever.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with json_output(str(fifo)) as write:
        write([1])
    read = os.read(reader, 99)
    os.close(reader)

    assert read == b"[\n  1\n]\n"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_json_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """A dash is no file."""
    with json_output("-") as write:
        write([1])

    assert capsys.readouterr().out == "[\n  1\n]\n"


# The end


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word about JSON the table is printed."""
    hand_over(parsed(), lambda _: None, Outcome({}, text_of, ()))

    assert capsys.readouterr().out == "a table, terminal: False\n"


@pytest.mark.parametrize("words", [["--quiet"], ["--json", "-"]])
def test_table_is_left_out(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Quiet means quiet, and JSON stands alone."""
    hand_over(parsed(*words), lambda _: None, Outcome({}, text_of, ()))

    assert capsys.readouterr().out == ""


def test_table_is_printed_though_json_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The result of a long run is not lost to a full disk."""

    def fail(_: object) -> None:
        raise MpzswapError("no space")

    with pytest.raises(MpzswapError, match="no space"):
        hand_over(parsed(), fail, Outcome({}, text_of, ()))

    assert capsys.readouterr().out == "a table, terminal: False\n"


def test_failed_run_has_its_report_written_and_one_line() -> None:
    """The line has the seed, the first problem, and how many there are."""
    written: list[object] = []

    with pytest.raises(MpzswapError, match=r"^seed 7: page 1 is lost \(and 2 more\)$"):
        hand_over(
            parsed("--seed", "7", "--quiet"),
            written.append,
            Outcome("report", text_of, ("page 1 is lost", "b", "c")),
        )

    assert written == ["report"]
