"""`python -m shared.errors` prints the table of all errors."""

import sys

from shared.errors import error_table

sys.stdout.write(error_table())
