"""Harm to real processes, as a command; nothing is lost, or it says what and why."""

import argparse
import json
from pathlib import Path

import pytest

from mpzswap.cli.chaos import options_of
from mpzswap.cli.main import main
from mpzswap.report.records import VerifyReport
from mpzswap.workload import summary

pytestmark = pytest.mark.usefixtures("nobody_left")


@pytest.mark.slow
def test_harmed_runs_lose_nothing(tmp_path: Path) -> None:
    """Every page is in one column of the ledger, and none is wrong."""
    file = tmp_path / "chaos.json"
    line = f"chaos --seed 3 --episodes 3 --memory 512K --quiet --json {file}"

    assert main(line.split()) == 0
    report = json.loads(file.read_text())
    ledger = report["ledger"]
    assert report["ok"]
    assert report["kills"] + report["stops"] > 0
    assert sum(report["injected"].values()) > 0
    assert (report["verify"]["pages_wrong"], report["verify"]["pages_lost"]) == (0, 0)
    assert ledger["out"] == sum(n for name, n in ledger.items() if name != "out")


@pytest.mark.slow
def test_episode_by_its_number_is_the_same_again(tmp_path: Path) -> None:
    """What was drawn; when a signal lands within its look is not."""
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    line = "chaos --seed 8 --memory 1M --blows off --quiet"
    main([*line.split(), "--episodes", "2", "--json", str(first)])
    main([*line.split(), "--episode", "1", "--json", str(again)])
    one, other = (json.loads(file.read_text()) for file in (first, again))

    assert [each["number"] for each in other["episodes"]] == [1]
    for name in ("settings", "faults"):
        assert other["episodes"][0][name] == one["episodes"][1][name]


def test_lost_page_fails_the_command_with_how_to_do_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, and one line."""
    verify = summary.verify_report
    monkeypatch.setattr(
        summary,
        "verify_report",
        lambda gathered: VerifyReport(verify(gathered).pages_checked, 0, 2),
    )
    line = "chaos --seed 3 --episode 2 --memory 1M --blows off --faults off"

    assert main(line.split()) == 1
    (error_line,) = capsys.readouterr().err.splitlines()
    assert error_line == (
        "mpzswap chaos: seed 3: episode 2: pages: 0 wrong, 2 lost; again: mpzswap "
        "chaos --seed 3 --episode 2 --memory 1048576 --blows off --faults off"
    )


def test_options_to_do_it_again_are_words_of_a_shell() -> None:
    """A file may have any name."""
    args = argparse.Namespace(
        topology="my machine.yaml", changes=[], memory=4096, blows=True, faults=True
    )

    assert options_of(args) == "--topology 'my machine.yaml' --memory 4096"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--memory 5K", "memory: 5K: must be a multiple of 128K, up to 256M"),
        ("--memory 1G", "memory: 1G: must be a multiple of 128K, up to 256M"),
        ("--set memory=1G", "set: needs --topology: the machine is drawn without it"),
        ("--blows maybe", "argument --blows: 'maybe': must be one of on, off"),
        ("--topology none", "topology: 'none': must be a file or one of "),
    ],
)
def test_mistake_is_one_line(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the value and the limit; nothing is started."""
    try:
        status = main(["chaos", "--seed", "1", *line.split()])
    except SystemExit as error:
        status = int(error.code or 0)
    error_lines = capsys.readouterr().err.splitlines()

    assert status == 2
    assert len(error_lines) == 1
    assert error_lines[0].startswith(f"mpzswap chaos: {message}")
