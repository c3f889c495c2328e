"""Compares two ledgers, row by row, to six digits: `python -m experiments.harness.compare OLD.json NEW.json`.

A change of the code is held to the ledger before it: rows that are new or gone, outcomes that changed, exact numbers
that differ in the sixth digit, simulated ones that differ by more than their errors. Exit 1 where there is any.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NUMBERS = ("predicted", "measured", "slack")
DIGITS, ERRORS = 1e-6, 5.0


def differences(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each difference."""
    before, after = ({row["id"]: row for row in rows} for rows in (old, new))
    for id in dict.fromkeys([*before, *after]):
        if id not in after or id not in before:
            yield f"{id}: {'gone' if id in before else 'new'}"
            continue
        a, b = before[id], after[id]
        for name in ("verdict", "expected", "kind", "unit"):
            if a[name] != b[name]:
                yield f"{id}: {name} {a[name]} → {b[name]}"
        error = math.hypot(a["stderr"] or 0.0, b["stderr"] or 0.0)
        for name in NUMBERS:
            if a[name] is not None and b[name] is not None and not near(a[name], b[name], error):
                yield f"{id}: {name} {a[name]:.6g} → {b[name]:.6g}" + (f" (error {error:.2g})" if error else "")


def near(a: float, b: float, error: float) -> bool:
    """Whether two numbers agree to six digits, or within `ERRORS` of their common error; 1e-12 is rounding."""
    return abs(a - b) <= max(DIGITS * max(abs(a), abs(b)), ERRORS * error, 1e-12)


def main(arguments: Sequence[str]) -> int:
    """Prints the differences."""
    if len(arguments) != 2:
        print("usage: python -m experiments.harness.compare OLD.json NEW.json", file=sys.stderr)
        return 2
    old, new = (json.loads(Path(file).read_text(encoding="utf-8")) for file in arguments)
    found = list(differences(old, new))
    print("\n".join([*found, f"{len(old)} rows → {len(new)} rows, {len(found)} differences"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
