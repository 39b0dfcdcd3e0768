"""
Published figures, and the runs that predict them, as published.yaml has them.

    Published
    |-- scenarios   Scenario by name: a run under the virtual clock
    `-- groups      Group: a source
        `-- rows    Row: a figure, whether it was fitted, how it is predicted
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.validate import Kind, Unit
from mpzswap.topology.document import in_bytes, read_document
from mpzswap.topology.explain import explained
from mpzswap.topology.load import find_topology
from mpzswap.topology.settings import Batching
from mpzswap.topology.size import parse_size
from mpzswap.topology.timing import FolioSize
from mpzswap.workload.plan import StressPlan, Wishes, choose
from mpzswap.workload.predict import FormulaName, Given

FILE = Path(__file__).with_name("published.yaml")

# The pages that the published runs wrote.
PAGES = "mix:usemem"
# The kernel waits for one batch before it begins the next.
CHANGES = ("zswap.nr_sub_batches=1",)
# memory.high=150G, of the 300G that 30 processes wrote.
LIMIT_PERCENT = 50

# Of a text that nothing has, so that the line stays a line.
MAX_SHOWN = 40

Text = Annotated[str, Meta(min_length=1)]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run under the virtual clock; see ``Wishes``."""

    topology: str
    workers: int
    memory: int
    folio: FolioSize
    batching: Batching
    batch_size: int = 8
    reclaim_batch: int = 1
    compressor: str = "deflate-iaa"
    verify: bool = False
    changes: tuple[str, ...] = ()

    @property
    def pages(self) -> int:
        """Pages that are written, and those that are checked."""
        return self.workers * self.memory // PAGE_SIZE * (1 + self.verify)

    def plan(self, seed: int) -> StressPlan:
        """
        Give the stress run.

        Raises:
            InputError: it cannot be had.
        """
        return choose(self._wishes(seed))

    def _wishes(self, seed: int) -> Wishes:
        changes = (*CHANGES, *self.changes)
        return Wishes(
            topology=find_topology(self.topology, changes),
            seed=seed,
            workers=self.workers,
            memory=self.memory,
            limit=self.workers * self.memory * LIMIT_PERCENT // 100,
            pages=PAGES,
            folio=parse_size(self.folio),
            compressor=self.compressor,
            batching=self.batching,
            batch_size=self.batch_size,
            reclaim_batch=self.reclaim_batch,
            changes=changes,
            rounds=1,
            verify=self.verify,
            clock="virtual",
        )


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A published figure.

    Attributes:
        what: is compared.
        published: the figure, or a word.
        over: the figure that it is divided by; None: it stands for itself.
        kind: whether it was used to fit, predicted, or cannot be.
        fits: what was fitted to it.
        reason: why it cannot be predicted.
        formula: how it follows from *runs*, the names of scenarios.
        given: what else of the source it is computed from.
    """

    what: Text
    unit: Unit = "word"
    published: float | str = ""
    over: float | None = None
    kind: Kind
    fits: Text | None = None
    reason: Text | None = None
    formula: FormulaName | None = None
    runs: tuple[str, ...] = ()
    given: Given | None = None

    def has(self, text: str, source: str) -> bool:
        """Tell whether *text* is in what is compared, or in its *source*."""
        return text.lower() in f"{source}\n{self.what}".lower()

    @property
    def value(self) -> float | str:
        """What a prediction is compared with."""
        if self.over is None or isinstance(self.published, str):
            return self.published
        return self.published / self.over


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows of one source."""

    source: Text
    rows: tuple[Row, ...]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it."""

    scenarios: dict[str, Scenario]
    groups: tuple[Group, ...]

    @classmethod
    def load(cls, path: Path = FILE) -> "Published":
        """
        Read the file.

        Raises:
            TopologyError: it is wrong.
        """
        document = in_bytes(read_document(path, "table of published figures"))
        with explained(cls, document):
            return msgspec.convert(document, cls)

    def only(self, text: str) -> "Published":
        """
        Give the rows that have *text* in their source or in what is compared.

        Raises:
            InputError: none has.
        """
        found = [
            (group.source, [row for row in group.rows if row.has(text, group.source)])
            for group in self.groups
        ]
        groups = tuple(
            Group(source=source, rows=tuple(rows)) for source, rows in found if rows
        )
        if not groups:
            raise InputError(f"only: {text[:MAX_SHOWN]!r}: no source and no row has it")
        needed = {name for group in groups for row in group.rows for name in row.runs}
        scenarios = {
            name: scenario
            for name, scenario in self.scenarios.items()
            if name in needed
        }
        return Published(scenarios=scenarios, groups=groups)
