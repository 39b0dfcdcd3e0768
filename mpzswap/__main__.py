"""
``python -m mpzswap``, and the console script: quiet on Ctrl-C from the first line on.

The imports of a command take some tenths of a second.  Until ``cli.main`` has handlers
of its own there is nothing to be ended, so the system may end us, without a traceback.
"""

import signal
import sys


def main() -> int:
    """Run a command; give the exit status."""
    # Where it is ignored, as behind nohup, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What takes its time.
    from mpzswap.cli.main import main as run_command  # noqa: PLC0415

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
