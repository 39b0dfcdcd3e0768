"""The command that lists, shows and checks topologies."""

import argparse
import sys
from typing import Any

from mpzswap.cli.options import add_changes, as_json, json_output
from mpzswap.codec.table import parse_compressor
from mpzswap.report.topology import picture, table
from mpzswap.topology.advice import advice
from mpzswap.topology.cpus import cpu_count
from mpzswap.topology.load import find_topology, named_topologies
from mpzswap.topology.model import Topology
from mpzswap.topology.schema import schema

NAME = "topology"
SUMMARY = "list, show and check machines on paper"
EXAMPLES = (
    "topology list",
    "topology show spr-2s8iaa",
    "topology show spr-2s8iaa --set driver.cpu_to_iaa=cpus",
    "topology show host --json host.yaml",
    "topology check host.yaml",
    "topology schema",
)

# What --json writes for a list and a check; raised when a key changes meaning.
FORMAT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the four things that can be asked."""
    asked = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add(asked, "list", "the topologies that come with mpzswap")
    show = _add(asked, "show", "one topology as a picture")
    show.add_argument("topology", metavar="NAME or FILE")
    add_changes(show)
    check = _add(
        asked, "check", "is this file right? says what is wrong, or unwise on hardware"
    )
    check.add_argument("topology", metavar="FILE")
    _add(asked, "schema", "the JSON Schema of a topology file")


def _add(asked: Any, name: str, summary: str) -> argparse.ArgumentParser:  # noqa: ANN401  # argparse keeps its class private
    """Add one action with its --json."""
    parser: argparse.ArgumentParser = asked.add_parser(
        name, help=summary, description=summary
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        default=argparse.SUPPRESS,  # Else it hides one given before the action.
        help="write JSON there; - is standard output",
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print nothing but errors and --json -",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=argparse.SUPPRESS,
        help="as for every command; nothing is drawn here",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """
    Answer what was asked; 0.

    Raises:
        InputError: the topology is wrong, or the JSON has no place.
        MpzswapError: the JSON cannot be written there.
    """
    text, data = ACTIONS[args.action](args)
    file = getattr(args, "json", None)
    with json_output(file) as write:
        write(data)
    if file != "-" and not getattr(args, "quiet", False):
        sys.stdout.write(text)
    return 0


def _list(_: argparse.Namespace) -> tuple[str, object]:
    """List the named topologies."""
    found = named_topologies()
    rows = [
        {
            "name": each.name,
            "description": each.description,
            "cpus": cpu_count(each),
            "devices": len(each.devices),
            "memory_bytes": each.memory,
        }
        for each in found
    ]
    return table(found), {"format": FORMAT, "topologies": rows}


def _show(args: argparse.Namespace) -> tuple[str, object]:
    """Show one; its JSON is a topology file again."""
    topology = find_topology(args.topology, args.changes)
    return picture(topology), topology


def _check(args: argparse.Namespace) -> tuple[str, object]:
    """Read a file; what is wrong is raised, what hardware would not do well is told."""
    topology = Topology.load(args.topology)
    # Its level: a topology knows the names alone.
    parse_compressor(topology.zswap.compressor)
    warnings = [*advice(topology)]
    told = warnings or ["nothing wrong"]
    text = "".join(f"{args.topology}: {each}\n" for each in told)
    found = {"format": FORMAT, "file": args.topology, "ok": True, "warnings": warnings}
    return text, found


def _schema(_: argparse.Namespace) -> tuple[str, object]:
    """Give the schema; it is JSON either way."""
    found = schema()
    return as_json(found), found


ACTIONS = {"list": _list, "show": _show, "check": _check, "schema": _schema}
