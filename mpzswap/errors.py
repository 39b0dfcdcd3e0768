"""
Everything that mpzswap raises on purpose.

    MpzswapError
    |-- InputError              the caller's: a file, option or source that is wrong
    |   `-- TopologyError       ... a topology, by the path of the bad value
    |-- ClosedError             the caller's: used after its end
    |-- NotStoredError          the caller's: no page is stored at that offset
    |-- LoadError               the data's: stored pages could not be had, or came wrong
    |-- CodecError              the data's: a codec refused them
    |   |-- CorruptStreamError  ... not a stream of this codec, or of another page
    |   `-- OutputOverflowError ... a result larger than the room for it
    |-- DeviceDiedError         the other side's: a process ended unasked
    |-- CompletionTimeoutError  the other side's: no answer within the limit
    |-- BusyError               nobody's: not while it is in use (EBUSY)
    `-- QueueFullError          nobody's: try again

A message names the thing, the value and the limit, in one line.
"""

import errno


class MpzswapError(Exception):
    """Any error that mpzswap raises on purpose."""


class InputError(MpzswapError, ValueError):
    """A file, an option or a page source is wrong; not a bug, not a failure."""


class TopologyError(InputError):
    """A topology is wrong; the message begins with the path of the bad value."""


class ClosedError(MpzswapError):
    """Our side has closed this; if the other side broke it: DeviceDiedError."""


class NotStoredError(MpzswapError, KeyError):
    """No page is stored at this swap offset."""

    def __str__(self) -> str:
        """Give the message as it is; KeyError would quote it."""
        return str(self.args[0]) if self.args else ""


class LoadError(MpzswapError):
    """
    Stored pages could not be decompressed, or came back different from what they were.

    They are still stored, and where they were wanted is whatever came. If none is
    stored: NotStoredError.

    Attributes:
        failures: negative errno of each swap offset that could not be loaded;
            -EBADMSG: it came back different.
    """

    def __init__(self, failures: dict[int, int], name: str = "") -> None:
        self.failures = failures
        offset, error = next(iter(failures.items()))
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        what = "decompression failed with"
        if error == -errno.EBADMSG:
            what = "not the page that was stored,"
        super().__init__(
            f"{name or f'swap offset {offset}'}: {what} errno {-error}{more}"
        )


class CodecError(MpzswapError):
    """A codec refused its input; see the two kinds of it."""


class CorruptStreamError(CodecError):
    """The input is not a whole stream of this codec, or not that of its page."""


class OutputOverflowError(CodecError):
    """The result is larger than the room given for it."""


class DeviceDiedError(MpzswapError):
    """A process of ours ended without being asked to."""


class CompletionTimeoutError(MpzswapError, TimeoutError):
    """No answer came within the limit; the process may still be alive."""


class BusyError(MpzswapError):
    """It cannot be changed while it is in use: the kernel's -EBUSY."""


class QueueFullError(MpzswapError):
    """A work queue had no room; nothing was submitted, try again."""
