"""Mutants in a real lane harm nobody, and what looks for harm finds it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from mpzswap.codec.table import CODECS
from tools import fuzz_descriptors
from tools.fuzz.campaign import Campaign, ViolationError
from tools.fuzz.ground import Ground, ground
from tools.fuzz.memory import GUARD_BYTES, LANE, parties

BATCHES = 4

pytestmark = pytest.mark.usefixtures("nobody_left")


@pytest.fixture
def stood() -> Iterator[Ground]:
    """Give a device of the default codec and two submitters."""
    with ground(parties("deflate-iaa"), "deflate-iaa") as made:
        yield made


def test_mutants_do_what_the_rules_say(stood: Ground) -> None:
    """Thousands, and an index that cannot be: every byte is as it must be."""
    campaign = Campaign(stood, "deflate-iaa", seed=1)
    for batch in range(BATCHES):
        campaign.run_batch(batch)

    tally = campaign.tally
    assert tally.hostile + tally.left_out == BATCHES * 1000
    assert tally.broken_lanes >= 1
    assert len(tally.statuses) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("compressor", CODECS)
def test_mutants_are_survived_with_every_codec(
    compressor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says how many had which status."""
    words = ["--count", "20000", "--seed", "7", "--compressor", compressor]

    assert fuzz_descriptors.main(words) == 0
    output, errors = capsys.readouterr()
    assert output.startswith(f"seed 7\n{compressor}  20,")
    assert output.endswith("\nok\n")
    assert errors == ""


def scribble(stood: Ground) -> None:
    """Write into the second submitter's data."""
    stood.parties[1].data.real[GUARD_BYTES - 1] ^= 1


def write_behind(stood: Ground) -> None:
    """Write behind the last output."""
    stood.parties[0].data.real[-GUARD_BYTES] ^= 1


def write_before_lane(stood: Ground) -> None:
    """Write before the lane."""
    stood.parties[0].lanes.real[LANE.start - 1] ^= 1


def write_board(stood: Ground) -> None:
    """Write into a word of the board that the parent alone writes."""
    stood._words[0] ^= 1


def raise_interrupt(stood: Ground) -> None:
    """Raise the second submitter's interrupt."""
    os.eventfd_write(stood.parties[1].eventfd, 1)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (scribble, "segment 4: 1 bytes are not as foretold; byte 0xfff is 0xa4"),
        (write_behind, "segment 2: 1 bytes are not as foretold"),
        (write_before_lane, "segment 1: 1 bytes are not as foretold"),
        (write_board, "the board: words that are not the device's have changed"),
        (raise_interrupt, "pasid 2: 1 interrupts, must be 0"),
    ],
)
def test_harm_is_found(
    stood: Ground,
    harm: Callable[[Ground], None],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One byte where nothing may be written, done behind the device's back."""
    ring = stood.ring

    def ring_and_harm() -> None:
        harm(stood)
        ring()

    monkeypatch.setattr(stood, "ring", ring_and_harm)

    with pytest.raises(ViolationError, match=what):
        Campaign(stood, "deflate-iaa", 1).run_batch(1)


def test_death_of_the_device_is_found(stood: Ground) -> None:
    """It is named, and how it ended."""
    os.kill(stood._pid, signal.SIGKILL)

    with pytest.raises(ViolationError, match="device iax0: died with SIGKILL"):
        Campaign(stood, "deflate-iaa", 1).run_batch(1)


def test_violation_is_one_line_with_what_to_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seed, compressor and batch; the exit status is 1."""

    def fail(_: Campaign, number: int) -> None:
        raise ViolationError(f"harm in {number}")

    monkeypatch.setattr(Campaign, "run_batch", fail)
    words = ["--seed", "7", "--compressor", "lz4", "--first-batch", "5"]

    assert fuzz_descriptors.main(words) == 1
    assert capsys.readouterr().err == (
        "fuzz_descriptors.py: seed 7, batch 5: harm in 5; replay with --seed 7 "
        "--compressor lz4 --first-batch 5 --count 1\n"
    )


def test_progress_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere nothing is shown."""
    fuzz_descriptors.show("5 of 9")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fuzz_descriptors.show("6 of 9")

    assert capsys.readouterr().err == "\r\033[K6 of 9"
