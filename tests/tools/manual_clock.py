"""A clock that stands still until the test moves it."""

from dataclasses import dataclass, field


@dataclass
class ManualClock:
    """
    Time as the test has it.

    Attributes:
        ns: what time it is; sleeping moves it, nothing else does.
        sleeps: how long each sleep was, in order.
        relaxed: how often others were let run.
    """

    ns: int = 1_000_000_000
    sleeps: list[int] = field(default_factory=list)
    relaxed: int = 0

    def now_ns(self) -> int:
        """Give the time."""
        return self.ns

    def relax(self) -> None:
        """Count it."""
        self.relaxed += 1

    def sleep_ns(self, duration_ns: int) -> None:
        """Let that time pass at once."""
        self.sleeps.append(duration_ns)
        self.ns += duration_ns
