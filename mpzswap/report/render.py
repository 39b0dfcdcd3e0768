"""Tables and facts as text: under 80 columns, plain where there is no terminal."""

import io
from collections.abc import Iterable
from typing import Literal

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

# A terminal's 80, without the last column, which some terminals wrap.
WIDTH = 79
# A blank that no line is broken at: of Unicode's private use, since all blanks are.
GLUE = "\ue000"
SENTENCE = 40


def render(parts: Iterable[RenderableType], *, terminal: bool) -> str:
    """Give *parts* under each other; with colours only for a *terminal*."""
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=WIDTH,
        force_terminal=terminal,
        force_jupyter=False,
        color_system="standard" if terminal else None,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in parts:
        console.print(part)
    lines = buffer.getvalue().replace(GLUE, " ").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def table(*heads: str, left: int = 1, gap: int = 2) -> Table:
    """Begin a table; its first *left* columns are words, the others numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for place, head in enumerate(heads):
        justify: Literal["left", "right"] = "left" if place < left else "right"
        # Whatever does not fit is folded: a digit must not get lost.
        made.add_column(Text(head), justify=justify, overflow="fold")
    return made


def facts(rows: Iterable[tuple[str, Iterable[str]]]) -> Table:
    """Give rows of a title and what belongs to it, three blanks between."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for title, words in rows:
        made.add_row(Text(title), Text("   ".join(map(_kept, words))))
    return made


def _kept(words: str) -> str:
    """Keep what belongs together on a line, unless it is a sentence."""
    return words.replace(" ", GLUE) if len(words) < SENTENCE else words


def verdict(problems: Iterable[str]) -> Text:
    """Give the last line: "ok", or what is wrong, a line each."""
    lines = list(problems)
    if not lines:
        return Text("ok", style="bold green")
    return Text("\n".join(["FAILED", *lines]), style="bold red")
