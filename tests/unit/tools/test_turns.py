"""Tasks are interleaved step by step, as the seed has it."""

import random

import pytest

from tests.tools.turns import Step, SteppedWords, interleave


def increments(words: memoryview, seed: int) -> int:
    """Let two tasks add 1 to a word by look and store; give what is in it then."""

    def add_one(step: Step) -> None:
        shared = SteppedWords(words, step)
        shared[0] = sum(shared[:1]) + 1

    words[0] = 0
    interleave([add_one, add_one], random.Random(seed))
    return words[0]


def test_lost_update_is_found() -> None:
    """Between a look and a store the other task may come, and sometimes does."""
    words = memoryview(bytearray(8)).cast("Q")

    assert {increments(words, seed) for seed in range(50)} == {1, 2}


def test_same_seed_gives_the_same_interleaving() -> None:
    """What was found once can be found again."""
    words = memoryview(bytearray(8)).cast("Q")

    for seed in range(10):
        assert increments(words, seed) == increments(words, seed)


def test_error_of_a_task_is_raised() -> None:
    """A task that fails makes the test fail."""

    def fail(step: Step) -> None:
        step()
        raise ValueError("from within")

    with pytest.raises(ValueError, match="from within"):
        interleave([fail], random.Random(0))
