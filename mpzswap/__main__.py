"""``python -m mpzswap``."""

import sys

from mpzswap.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
