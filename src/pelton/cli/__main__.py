"""`python -m pelton.cli`, the same as the `pelton` command."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
