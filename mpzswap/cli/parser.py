"""
A parser that answers a mistake with one line, and the types of its arguments.

Each type's message has the value and the limit; argparse puts the option's name
before it.
"""

import argparse
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from mpzswap.errors import InputError
from mpzswap.topology.size import parse_size

T = TypeVar("T")

# Exit status of wrong usage, as argparse has it.
USAGE = 2
# Python refuses to read numbers of thousands of digits, in words of its own.
MAX_DIGITS = 20


class Parser(argparse.ArgumentParser):
    """Ours: no abbreviated options, no usage on many lines, examples as written."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, and exit with 2."""
        self.exit(USAGE, f"{self.prog}: {one_line(message)}\n")


def one_line(message: str) -> str:
    """Write what would end the line, or act on a terminal, as Python writes it."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)


def size(text: str) -> int:
    """Read a size: 4096, 64K, 2M."""
    try:
        return parse_size(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def sizes(text: str) -> tuple[int, ...]:
    """Read sizes with commas, each as it stands."""
    return tuple(size(part) for part in text.split(","))


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Give a type that reads a whole number from *lowest* to *highest*."""

    def read(text: str) -> int:
        plain = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS
        if not plain or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(
                f"{text[:32]!r}: must be a whole number from {lowest} to {highest}"
            )
        return int(text)

    return read


def seconds(highest: float) -> Callable[[str], float]:
    """Give a type that reads seconds, above 0 and up to *highest*."""

    def read(text: str) -> float:
        value = number(text)
        if not 0 < value <= highest:
            raise argparse.ArgumentTypeError(
                f"{text[:32]!r}: must be seconds, above 0 and at most {highest:g}"
            )
        return value

    return read


def between(lowest: float, highest: float) -> Callable[[str], float]:
    """Give a type that reads a number from *lowest* to *highest*."""

    def read(text: str) -> float:
        value = number(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(
                f"{text[:32]!r}: must be a number from {lowest:g} to {highest:g}"
            )
        return value

    return read


def number(text: str) -> float:
    """Read a number; what is none is in no range."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def one_of(*names: str) -> Callable[[str], str]:
    """Give a type that takes one of *names*."""

    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"{text[:32]!r}: must be one of {', '.join(names)}"
            )
        return text

    return read


def on_off(text: str) -> bool:
    """Read on or off."""
    return one_of("on", "off")(text) == "on"


def listed(read_one: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Give a type that reads a list with commas, each value once."""

    def read(text: str) -> tuple[T, ...]:
        return tuple(dict.fromkeys(read_one(part) for part in text.split(",")))

    return read
