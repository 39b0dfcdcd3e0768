"""
The command that runs stress with every combination of listed values.

``--output`` is the sweep's own: lines come as runs end, and a call with the same file
goes on from them.  ``--json`` is what it is for all commands: one document, after all.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator

from mpzswap.cli.options import (
    MAX_SEED,
    Outcome,
    drawn_seed,
    hand_over,
    how_shown,
    json_output,
    settle_seed,
)
from mpzswap.cli.parser import listed, sizes, whole
from mpzswap.cli.run_options import RUN_OPTIONS, SWAP, add_flags, add_inject
from mpzswap.cli.sweep_values import given_axes, in_order, read_axes
from mpzswap.errors import InputError
from mpzswap.page.source import DEFAULT_SOURCE
from mpzswap.report import progress
from mpzswap.report import sweep as report_of
from mpzswap.topology import host
from mpzswap.topology.named import HOST
from mpzswap.workload import sweep_one
from mpzswap.workload.cluster import connected
from mpzswap.workload.run_process import RunProcesses
from mpzswap.workload.sweep import SweepPlan, choose
from mpzswap.workload.sweep_file import SweepFile, opened
from mpzswap.workload.sweep_run import Executor, OnLine, OnProgress, Sweep

NAME = "sweep"
SUMMARY = "run stress with every combination of listed values (1,8,64)"
EXAMPLES = (
    "sweep --batch-size 1,8 --output sweep.jsonl",
    "sweep --topology host,spr-1s4iaa --set driver.sync_mode=sync,async",
    "sweep --compressor lz4,zstd --seeds 1,2 --no-verify --json sweep.json",
    "sweep --clock virtual --topology spr-1s1iaa,spr-1s4iaa --workers 4,30",
)

# Ours: more processes than that no host of today has cores for.
MAX_JOBS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run, as lists, and how runs are done."""
    _add_how(parser)
    _add_lists(parser)
    add_inject(parser)
    add_flags(parser)
    # What is not given is left to the run, or to the file.
    parser.set_defaults(verify=None, interleave=None)


def _add_lists(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    for name, metavar, default in (
        ("topology", "NAME or FILE", HOST),
        ("pages", "SOURCE", DEFAULT_SOURCE),
    ):
        add(
            f"--{name}",
            metavar=f"{metavar},...",
            type=listed(str),
            help=f"as for stress (default: {default})",
        )
    for option in RUN_OPTIONS:
        add(
            option.flag,
            metavar=f"{option.metavar},...",
            type=listed(option.read),
            help=option.help,
        )
    add(
        "--set",
        metavar="KEY=VALUE,...",
        dest="changes",
        action="append",
        default=[],
        help="values of an attribute in place of the topology's, as for stress; may be "
        "given again",
    )
    add(SWAP.flag, metavar=SWAP.metavar, type=sizes, default=(), help=SWAP.help)


def _add_how(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "file",
        metavar="FILE",
        nargs="?",
        help="a parameter file, YAML: words such as batch_size, each with a value or "
        "a list; options hold in place of its words",
    )
    add(
        "--output",
        metavar="FILE",
        help="JSON Lines, one a run, as soon as it ends; a sweep that was interrupted "
        "goes on when it is called again with the same file",
    )
    add(
        "--jobs",
        metavar="N",
        type=whole(1, MAX_JOBS),
        help="runs at once (default: usable cores where the clock is virtual, else 1, "
        "since they would disturb each other; with --scheduler and the clock "
        "virtual: all)",
    )
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="do the runs on the Dask cluster of that scheduler, whose workers have "
        "mpzswap too; needs mpzswap[cluster]",
    )
    add(
        "--seeds",
        metavar="N,...",
        type=listed(whole(0, MAX_SEED)),
        help="in place of one --seed",
    )


def run(args: argparse.Namespace) -> int:
    """
    Do what is not done yet, and show all; 0.

    Raises:
        MpzswapError: a run failed, or the file cannot be written.
    """
    _refuse_one_file_for_both(args)
    with _output(args) as kept:
        plan = plan_of(args, kept)
        done = kept.done(plan) if kept else {}
        with json_output(args.json) as write:
            with _executor(args, plan) as executor, _progress(args) as on_progress:
                sweep = Sweep(plan, done, _keeping(kept), on_progress)
                report = sweep.run(executor, _at_once(args, plan))
            if kept:
                kept.finish(report.runs)
            problems = report_of.problems_of(report)
            hand_over(args, write, Outcome(report, report_of.text, problems))
    return 0


def _refuse_one_file_for_both(args: argparse.Namespace) -> None:
    """Refuse to let the document go where the lines are, or the other way round."""
    both = args.output, args.json
    if None not in both and len({os.path.realpath(name) for name in both}) == 1:
        raise InputError(f"--json: {args.json}: must not be the file of --output")


def plan_of(args: argparse.Namespace, kept: SweepFile | None) -> SweepPlan:
    """
    Give what is asked for; the seed is said on the way.

    Raises:
        InputError: a value, or the parameter file, is wrong.
    """
    axes = read_axes(args.file) if args.file else {}
    axes |= given_axes(args)
    axes.setdefault("topology", (HOST,))
    axes["seed"] = args.seed = _seeds(args, axes.get("seed"), kept)
    settle_seed(args)
    return choose(in_order(axes), pages_here=args.scheduler is None)


def _seeds(
    args: argparse.Namespace, said: tuple[int, ...] | None, kept: SweepFile | None
) -> tuple[int, ...]:
    """Give the seeds; where none is given, that of the lines which are there."""
    if args.seed is not None:
        if args.seeds is not None:
            raise InputError("--seeds: not with --seed")
        return (args.seed,)
    if said is not None:
        return said
    seed = kept.seed() if kept else None
    return (drawn_seed() if seed is None else seed,)


def _at_once(args: argparse.Namespace, plan: SweepPlan) -> int:
    if args.jobs is not None:
        return int(args.jobs)
    if plan.depends_on_host:
        return 1
    return len(plan.combinations()) if args.scheduler else host.usable_cores()


def _output(
    args: argparse.Namespace,
) -> contextlib.AbstractContextManager[SweepFile | None]:
    return opened(args.output) if args.output is not None else contextlib.nullcontext()


def _executor(
    args: argparse.Namespace, plan: SweepPlan
) -> contextlib.AbstractContextManager[Executor]:
    if args.scheduler is not None:
        return connected(args.scheduler)
    return RunProcesses(_at_once(args, plan), [sweep_one.__name__])


def _keeping(kept: SweepFile | None) -> OnLine:
    """Give what is to be done with a line."""
    return kept.append if kept else lambda _: None


@contextlib.contextmanager
def _progress(args: argparse.Namespace) -> Iterator[OnProgress]:
    """Give the progress as the terminal has it; heeds signals."""
    with progress.shown_runs(how_shown(args), sys.stderr) as show:

        def on_progress(how_far: progress.RunsDone) -> None:
            args.heed_signals()
            show(how_far)

        yield on_progress
