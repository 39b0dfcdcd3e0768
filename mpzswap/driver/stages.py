"""The stages of a request's pages, from the stamps of its runs: ``acomp.stages``."""

from collections.abc import Sequence
from typing import NamedTuple

from mpzswap.acomp.stages import Stage


class RunTimes(NamedTuple):
    """When the pages of one run were where, ns."""

    # The attempt in which it got places; the first begins when all is prepared.
    attempted: int
    submitted: int
    taken: Sequence[int]
    completed: Sequence[int]


def stages_of(
    times: tuple[int, int, int], pages: int, runs: Sequence[RunTimes]
) -> list[int]:
    """
    Give each stage up to ``SEEN``, summed over the pages of a request, ns.

    Args:
        times: when it was begun, prepared and over.
        pages: how many it has; those in no run were done by software.
        runs: of the others.
    """
    begun, prepared, over = times
    ns = [0] * len(Stage)
    last = max((max(run.completed) for run in runs), default=over)
    for run in runs:
        count = len(run.taken)
        attempted = max(prepared, run.attempted)
        taken, completed = sum(run.taken), sum(run.completed)
        ns[Stage.PREPARE] += count * (prepared - begun)
        ns[Stage.SUBMIT] += count * (run.submitted - attempted)
        ns[Stage.QUEUE] += count * (attempted - prepared - run.submitted) + taken
        ns[Stage.EXECUTE] += completed - taken
        ns[Stage.COMPLETE] += count * last - completed
        ns[Stage.SEEN] += count * (over - last)
        pages -= count
    ns[Stage.PREPARE] += pages * (prepared - begun)
    ns[Stage.EXECUTE] += pages * (over - prepared)
    return ns
