"""The command that harms runs on purpose, and says whether anything was lost."""

import argparse
import shlex

from mpzswap.cli.options import (
    Outcome,
    add_changes,
    hand_over,
    json_output,
    settle_seed,
    shown_progress,
)
from mpzswap.cli.parser import on_off, seconds, size, whole
from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report import chaos as report_of
from mpzswap.topology.load import find_topology
from mpzswap.topology.size import format_size
from mpzswap.workload import chaos
from mpzswap.workload.chaos import ChaosPlan

NAME = "chaos"
SUMMARY = "kill, stop and break parts of runs at random; nothing may be lost or wrong"
EXAMPLES = (
    "chaos",
    "chaos --duration 600 --seed 7 --json chaos.json",
    "chaos --seed 7 --episode 12",
    "chaos --episodes 20 --faults off --topology spr-1s4iaa",
)

DURATION_S = 20.0
MEMORY_BYTES = 4 << 20
# Ours: episodes are to be short; four workers have so much each.
MAX_MEMORY_BYTES = 256 << 20
MAX_EPISODES = 1_000_000
MAX_DURATION_S = 1_000_000.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen; all else is drawn from the seed, episode by episode."""
    add = parser.add_argument
    add(
        "--topology",
        metavar="NAME or FILE",
        help="the machine of every episode (default: drawn)",
    )
    add_changes(parser)
    add(
        "--memory",
        metavar="SIZE",
        type=size,
        default=MEMORY_BYTES,
        help=f"each worker's pages (default: {format_size(MEMORY_BYTES)})",
    )
    much = parser.add_mutually_exclusive_group()
    much.add_argument(
        "--duration",
        metavar="S",
        type=seconds(MAX_DURATION_S),
        help=f"begin no episode after so many seconds (default: {DURATION_S:g})",
    )
    much.add_argument(
        "--episodes",
        metavar="N",
        type=whole(1, MAX_EPISODES),
        help="do so many, however long it takes",
    )
    much.add_argument(
        "--episode",
        metavar="N",
        type=whole(0, MAX_EPISODES),
        help="do this one alone: with the same seed and options it is drawn again as "
        "it was",
    )
    add(
        "--blows",
        type=on_off,
        metavar="on|off",
        default=True,
        help="whether devices and workers are killed and stopped (default: on)",
    )
    add(
        "--faults",
        type=on_off,
        metavar="on|off",
        default=True,
        help="whether devices have faults (default: on); see stress --inject",
    )


def plan_of(args: argparse.Namespace) -> ChaosPlan:
    """
    Give what is asked for.

    Raises:
        InputError: the topology is wrong, or the memory no multiple of a folio.
    """
    memory = args.memory
    step = max(chaos.FOLIOS) * PAGE_SIZE
    if not memory or memory % step or memory > MAX_MEMORY_BYTES:
        raise InputError(
            f"memory: {format_size(memory)}: must be a multiple of "
            f"{format_size(step)}, up to {format_size(MAX_MEMORY_BYTES)}"
        )
    if args.changes and args.topology is None:
        raise InputError("set: needs --topology: the machine is drawn without it")
    topology = None
    if args.topology is not None:
        topology = find_topology(args.topology, args.changes)
    unlimited = args.episodes or args.episode is not None
    return ChaosPlan(
        seed=args.seed,
        topology=topology,
        memory_pages=memory // PAGE_SIZE,
        episodes=args.episodes or 0,
        duration_s=0.0 if unlimited else args.duration or DURATION_S,
        only=args.episode,
        blows=args.blows,
        faults=args.faults,
    )


def run(args: argparse.Namespace) -> int:
    """
    Do the episodes and show what became of every page; 0.

    Raises:
        MpzswapError: a page was lost or wrong, or something was left behind.
    """
    settle_seed(args)
    plan = plan_of(args)
    with json_output(args.json) as write:
        with shown_progress(args, plan.duration_s) as on_progress:
            report = chaos.run(plan, on_progress)
        problems = report_of.problems_of(report, options_of(args))
        outcome = Outcome(report, report_of.text, problems)
        hand_over(args, write, outcome)
    return 0


def options_of(args: argparse.Namespace) -> str:
    """Give what an episode follows from beside its seed and number, for a shell."""
    words = []
    if args.topology is not None:
        words += ["--topology", args.topology]
    for change in args.changes:
        words += ["--set", change]
    words += ["--memory", str(args.memory)]
    if not args.blows:
        words += ["--blows", "off"]
    if not args.faults:
        words += ["--faults", "off"]
    return shlex.join(words)
