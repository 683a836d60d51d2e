"""The command `blindai`.

Exit status: 0 success; 1 the service or the file said no; 2 wrong usage; 3 the service did not prove what the policy
demands.
"""

from .app import main

__all__ = ["main"]
