"""``--stats``: where the kernel's files go, and what is in their way."""

import argparse
import os
import subprocess
from pathlib import Path

import pytest

from mpzswap.cli import options
from mpzswap.cli.stats import (
    add_stats,
    check_stats,
    replaces_table,
    stats_output,
    with_stats,
)
from mpzswap.errors import InputError, MpzswapError
from mpzswap.report.kernel_files import PATHS, kernel_files
from tests.tools.reports import comparison_report, stress_report


def parsed(*words: str) -> argparse.Namespace:
    """Parse the options that have to do with it."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_stats(parser)
    options.add_common(parser)
    parser.add_argument("--compare", action="store_true")
    return parser.parse_args(words)


def files_below(folder: Path) -> set[str]:
    """Give the paths of all files and folders."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def write(folder: Path) -> None:
    """Write the files of a run below a folder."""
    with stats_output(parsed("--stats", f"kernel:{folder}").stats) as fill:
        fill(stress_report())


def test_folder_may_have_any_name() -> None:
    """Only the first colon is ours."""
    assert parsed("--stats", "kernel:a:b").stats.folder == Path("a:b")
    assert parsed("--stats", "kernel").stats.folder is None
    assert parsed().stats is None


@pytest.mark.parametrize("value", ["kernel:", "json", "", "kernels"])
def test_other_layouts_are_refused(value: str) -> None:
    """There is one, and a colon has a folder behind it."""
    with pytest.raises(argparse.ArgumentError, match="must be kernel or kernel:DIR"):
        parsed("--stats", value)


def test_comparison_is_refused() -> None:
    """Three runs have three of each file."""
    with pytest.raises(InputError, match=r"^--stats: not with --compare: "):
        check_stats(parsed("--stats", "kernel:x", "--compare"))


def test_two_owners_of_standard_output_are_refused() -> None:
    """A folder is in nobody's way."""
    with pytest.raises(InputError, match="--stats kernel: not with --json -"):
        check_stats(parsed("--stats", "kernel", "--json", "-"))
    check_stats(parsed("--stats", "kernel:x", "--json", "-"))
    check_stats(parsed("--stats", "kernel", "--json", "x"))


def test_table_gives_way_on_standard_output_alone() -> None:
    """With files it is printed as ever."""
    assert replaces_table(parsed("--stats", "kernel").stats)
    assert not replaces_table(parsed("--stats", "kernel:x").stats)
    assert not replaces_table(parsed().stats)


def test_files_lie_as_in_the_kernel(tmp_path: Path) -> None:
    """Below a folder that is made where it is not."""
    write(tmp_path / "a" / "b")

    for path, content in kernel_files(stress_report()):
        assert (tmp_path / "a" / "b" / path).read_text() == content


def test_text_is_what_tail_prints_of_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads one can read the other."""
    write(tmp_path)
    with stats_output(parsed("--stats", "kernel").stats) as fill:
        fill(stress_report())
    tail = subprocess.run(
        ["tail", "-n", "+1", *PATHS],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout

    assert capsys.readouterr().out == tail.replace("==> ", "==> /")


def test_files_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    """A shorter text leaves nothing of a longer one."""
    write(tmp_path)
    (tmp_path / "proc/vmstat").write_text("x" * 10_000)
    write(tmp_path)

    assert "x" not in (tmp_path / "proc/vmstat").read_text()


def test_run_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """What was there stays, what was made goes."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("old")
    with stats_output(parsed("--stats", f"kernel:{tmp_path}").stats):
        pass

    assert files_below(tmp_path) == {"proc", "proc/vmstat"}
    assert (tmp_path / "proc/vmstat").read_text() == "old"


def test_what_others_put_there_meanwhile_stays(tmp_path: Path) -> None:
    """A folder of ours that is not empty is not removed."""
    with stats_output(parsed("--stats", f"kernel:{tmp_path}/new").stats):
        (tmp_path / "new/proc/other").touch()

    assert files_below(tmp_path) == {"new", "new/proc", "new/proc/other"}


@pytest.mark.parametrize("name", ["file", "file/below", "folder"])
def test_folder_that_cannot_be_had_is_named_before_the_run(
    name: str, tmp_path: Path
) -> None:
    """A file is in its way, or a folder where a file should be."""
    (tmp_path / "file").touch()
    (tmp_path / "folder/proc/vmstat").mkdir(parents=True)
    before = files_below(tmp_path)

    with (
        pytest.raises(InputError, match=rf"^--stats: {tmp_path}/{name}.*: \w"),
        stats_output(parsed("--stats", f"kernel:{tmp_path}/{name}").stats),
    ):
        pass

    assert files_below(tmp_path) == before


def test_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    """Before the run, and not waited for."""
    (tmp_path / "proc").mkdir()
    os.mkfifo(tmp_path / "proc/vmstat")

    with (
        pytest.raises(InputError, match=r"proc/vmstat: No such device or address"),
        stats_output(parsed("--stats", f"kernel:{tmp_path}").stats),
    ):
        pass

    assert files_below(tmp_path) == {"proc", "proc/vmstat"}


def test_link_that_leads_nowhere_is_refused_and_stays(tmp_path: Path) -> None:
    """What writing through it would make is not ours to take away."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").symlink_to(tmp_path / "nothing")

    with (
        pytest.raises(InputError, match=r"proc/vmstat: No such file"),
        stats_output(parsed("--stats", f"kernel:{tmp_path}").stats),
    ):
        pass

    assert (tmp_path / "proc/vmstat").is_symlink()
    assert not (tmp_path / "nothing").exists()


def test_full_disk_under_the_files_is_one_line(tmp_path: Path) -> None:
    """The file is named; it is not the user's mistake, so not 2."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").symlink_to("/dev/full")

    with pytest.raises(MpzswapError, match="proc/vmstat: No space") as raised:
        write(tmp_path)

    assert not isinstance(raised.value, InputError)


def test_stats_are_written_though_json_fails() -> None:
    """The result of a long run is not lost to a full disk."""
    written: list[object] = []

    def fail(_: object) -> None:
        raise MpzswapError("no space")

    with pytest.raises(MpzswapError, match="no space"):
        with_stats(fail, written.append)(stress_report())
    with_stats(lambda _: None, written.append)(comparison_report())

    assert written == [stress_report()]
