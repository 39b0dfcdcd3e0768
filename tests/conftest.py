"""Let tests import their tools; the package under test is the installed one."""

import sys
from pathlib import Path

# Appended: where mpzswap is installed, that is what is tested, not this checkout.
sys.path.append(str(Path(__file__).parents[1]))
