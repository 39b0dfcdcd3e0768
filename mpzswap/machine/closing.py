"""What is closed at the end of a ``with`` block, whatever happened in it."""

import abc
from types import TracebackType
from typing import Self


class Closing(abc.ABC):
    """A context manager for whoever has ``close``."""

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Give everything back; it may be repeated."""
