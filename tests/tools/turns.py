"""
Interleave tasks at chosen points: one runs at a time, and the test says which.

    task 0   --step--.        .--step--.
    task 1           '--step--'        '--step--
                     choose()  choose()

Each task runs in a thread of its own, which stands still at every ``step`` until it
is chosen again; so an interleaving is made by a seed and can be made once more.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import overload

# A step takes microseconds; a task that takes this long is stuck.
STEP_TIMEOUT_S = 20.0

Step = Callable[[], None]
Task = Callable[[Step], None]


class Stage:
    """One task, its thread, and the two ends of the baton."""

    def __init__(self, task: Task) -> None:
        self.error: BaseException | None = None
        self.done = False
        self._task = task
        self._go = threading.Semaphore(0)
        self._stop = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def advance(self) -> None:
        """Let the task run to its next step, or its end."""
        self._go.release()
        assert self._stop.acquire(timeout=STEP_TIMEOUT_S), "a task is stuck"

    def step(self) -> None:
        """Stand still until chosen; called in the task."""
        self._stop.release()
        assert self._go.acquire(timeout=STEP_TIMEOUT_S), "a task was forgotten"

    def _run(self) -> None:
        try:
            assert self._go.acquire(timeout=STEP_TIMEOUT_S), "a task was never begun"
            self._task(self.step)
        except BaseException as error:  # noqa: BLE001 - it is told to the test
            self.error = error
        self.done = True
        self._stop.release()


def interleave(tasks: Sequence[Task], choice: random.Random) -> None:
    """Run all *tasks* to their ends, in turns as *choice* has them."""
    running = [Stage(task) for task in tasks]
    errors = []
    while running:
        stage = choice.choice(running)
        stage.advance()
        if stage.done:
            running.remove(stage)
            errors.append(stage.error)
    for error in errors:
        if error is not None:
            raise error


class SteppedWords:
    """Shared words, where every single look and store is a step of the task."""

    def __init__(self, words: memoryview, step: Step) -> None:
        self._words = words
        self._step = step

    def __setitem__(self, index: int, value: int) -> None:
        """Store a word, when it is our turn."""
        self._step()
        self._words[index] = value

    @overload
    def __getitem__(self, part: int) -> int: ...

    @overload
    def __getitem__(self, part: slice) -> Iterator[int]: ...

    def __getitem__(self, part: int | slice) -> int | Iterator[int]:
        """Look at a word, or at the words of *part*, one after the other."""
        if isinstance(part, slice):
            return map(self._look, range(*part.indices(len(self._words))))
        return self._look(part)

    def _look(self, index: int) -> int:
        self._step()
        return self._words[index]
