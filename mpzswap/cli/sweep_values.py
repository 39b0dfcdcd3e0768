"""
The values of a sweep: lists of options, and of a parameter file below them.

    topology: [spr-2s8iaa, laptop-2iaa]     --topology spr-2s8iaa,laptop-2iaa
    batch_size: [1, 8]                      --batch-size 1,8
    set: {driver.sync_mode: [sync, async]}  --set driver.sync_mode=sync,async
    swap: [64M, 64M]                        --swap 64M,64M      two areas of each run
    inject: ["lost:p=1%"]                   --inject lost:p=1%  in each run

Both are read by the same types, and an option holds in place of the file's word.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mpzswap.cli.options import MAX_SEED
from mpzswap.cli.parser import on_off, one_line, size, whole
from mpzswap.cli.run_options import RUN_OPTIONS
from mpzswap.errors import InputError
from mpzswap.topology.document import read_document
from mpzswap.workload.sweep import SET

Read = Callable[[str], object]
Axes = dict[str, tuple[Any, ...]]

# Words that are swept, in the order in which combinations are made.
SWEPT: dict[str, Read] = {
    "topology": str,
    "pages": str,
    **{option.name: option.read for option in RUN_OPTIONS},
    "verify": on_off,
    "interleave": on_off,
}
# Words that have a list in each run.
WHOLE: dict[str, Read] = {"swap": size, "inject": str}
SEED = whole(0, MAX_SEED)
WORDS = (*SWEPT, "set", *WHOLE, "seed")


def given_axes(args: argparse.Namespace) -> Axes:
    """Give what the options say."""
    axes: Axes = {}
    for word in SWEPT:
        values = getattr(args, word)
        if values is not None:
            axes[word] = values if isinstance(values, tuple) else (values,)
    for change in args.changes:
        key, equals, values = change.partition("=")
        if not equals:
            raise InputError(f"set: {key!r}: must be KEY=VALUE,VALUE...")
        axes[SET + key] = tuple(dict.fromkeys(values.split(",")))
    for word, values in (("swap", args.swap), ("inject", args.faults)):
        if values:
            axes[word] = (list(values),)
    if args.seeds is not None:
        axes["seed"] = args.seeds
    return axes


def read_axes(file: str) -> Axes:
    """
    Give what the parameter file says.

    Raises:
        InputError: it cannot be read, or something in it is wrong.
    """
    try:
        return dict(_axes_of(read_document(Path(file), "sweep")))
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{file}: {error}") from error


def in_order(axes: Mapping[str, tuple[Any, ...]]) -> Axes:
    """Give *axes* in the order in which combinations are made."""
    changes = [word for word in axes if word.startswith(SET)]
    order = (*SWEPT, *changes, *WHOLE, "seed")
    return {word: axes[word] for word in order if word in axes}


def _axes_of(document: Mapping[str, object]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for word, value in document.items():
        if word in SWEPT:
            yield word, _read(word, value, SWEPT[word])
        elif word == "seed":
            yield word, _read(word, value, SEED)
        elif word in WHOLE:
            yield word, (_values(word, value, WHOLE[word]),)
        elif word == "set":
            yield from _changes_of(value)
        else:
            shown = one_line(word[:32])
            raise argparse.ArgumentTypeError(
                f"{shown}: unknown key, must be one of {', '.join(WORDS)}"
            )


def _changes_of(value: object) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if not isinstance(value, Mapping):
        raise argparse.ArgumentTypeError("set: must be a mapping of KEY to values")
    for key, values in value.items():
        yield SET + key, _read(f"set.{key}", values, str, on="true", off="false")


def _read(path: str, value: object, read: Read, **words: str) -> tuple[Any, ...]:
    """Give each value once."""
    return tuple(dict.fromkeys(_values(path, value, read, **words)))


def _values(
    path: str, value: object, read: Read, on: str = "on", off: str = "off"
) -> list[Any]:
    """Read a value, or a list of some; *on* and *off* are true and false in words."""
    if not isinstance(value, list):
        return [_one(path, value, read, (off, on))]
    if not value:
        raise argparse.ArgumentTypeError(f"{path}: must have a value")
    return [
        _one(f"{path}[{index}]", each, read, (off, on))
        for index, each in enumerate(value)
    ]


def _one(path: str, value: object, read: Read, words: tuple[str, str]) -> object:
    if value is None or isinstance(value, list | dict):
        raise argparse.ArgumentTypeError(f"{path}: must be a value or a list of some")
    text = words[value] if isinstance(value, bool) else str(value)
    try:
        return read(text)
    except (argparse.ArgumentTypeError, InputError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error
