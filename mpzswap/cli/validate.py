"""The command that holds predictions against published figures."""

import argparse

from mpzswap.cli.options import (
    Outcome,
    hand_over,
    json_output,
    settle_seed,
    shown_progress,
)
from mpzswap.cli.parser import whole
from mpzswap.report import validate as report_of
from mpzswap.topology.host import usable_cores
from mpzswap.workload import validate
from mpzswap.workload.published import Published
from mpzswap.workload.validate import ValidatePlan

NAME = "validate"
SUMMARY = "predict published figures with the virtual clock, and show the errors"
EXAMPLES = (
    "validate",
    "validate --seed 7 --jobs 4",
    "validate --only zstd --json zstd.json",
)

# Ours: more than the scenarios that there are.
MAX_JOBS = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which rows, and how many scenarios run side by side."""
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="rows that have it in their source or in what is compared, such as zstd "
        "(default: all)",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=whole(1, MAX_JOBS),
        help="scenarios that run side by side; what they give does not depend on it "
        "(default: usable cores)",
    )


def run(args: argparse.Namespace) -> int:
    """
    Run every scenario and show the table; 0.

    Raises:
        MpzswapError: one could not be run, or predictions are too far off.
    """
    settle_seed(args)
    plan = ValidatePlan(
        published=Published.load().only(args.only),
        jobs=args.jobs or usable_cores(),
        seed=args.seed,
    )
    with json_output(args.json) as write:
        with shown_progress(args) as on_progress:
            report = validate.run(plan, on_progress)
        outcome = Outcome(report, report_of.text, report_of.problems_of(report))
        hand_over(args, write, outcome)
    return 0
