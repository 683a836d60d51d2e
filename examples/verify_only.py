"""What a client checks before it sends anything, and what happens when a check fails."""

from __future__ import annotations

import sys

import blindai


def main() -> int:
    try:
        with blindai.connect() as client:
            report = client.report
    except blindai.AttestationError as error:
        # Nothing was sent. The error says which check failed, what was expected and what was found.
        print(f"{type(error).__name__}: {error.failed_check}", file=sys.stderr)
        print(f"  expected {error.expected}\n  found    {error.found}", file=sys.stderr)
        return 1
    for check in report:
        print(f"{check.outcome:<15} {check.name:<22} {check.found}  ({check.voucher})")
    print("SIMULATED: no hardware protects this service" if report.simulated else f"protected by {report.tee}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
