"""Run the benchmarks of this folder one after another, each in its own process, and print one table.

python benchmarks/run.py [name ...]
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FIELDS = ("name", "ours_s", "peer_s", "ratio", "equal")
WIDTHS = (44, 10, 10, 8, 6)


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return 0 if no benchmark failed and all available peers gave equal results."""
    scripts = [path for path in sorted(FOLDER.glob("*.py")) if path != Path(__file__) and path.stem[0] != "_"]
    unknown = set(names) - {path.stem for path in scripts}
    if unknown:
        print(f"expected benchmarks among {', '.join(path.stem for path in scripts)}, found {', '.join(unknown)}")
        return 1
    show(FIELDS)
    failed = False
    for script in scripts:
        if names and script.stem not in names:
            continue
        finished = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        rows = [row for row in map(fields, finished.stdout.splitlines()) if row]
        if finished.returncode or not rows:
            last = (finished.stderr.strip().splitlines() or ["printed no row"])[-1]
            rows = [(f"{script.stem}: {last}"[:200], "", "", "", "failed")]
        for row in rows:
            show(row)
            failed |= row[-1].lower() not in ("true", "yes", "no peer")
    return int(failed)


def fields(line: str) -> tuple[str, ...] | None:
    """Return the five fields of a row, or None if the line is not a row."""
    parts = tuple(part.strip() for part in line.rsplit(",", 4))
    return parts if len(parts) == 5 and parts[1:] != FIELDS[1:] else None


def show(row: tuple[str, ...]) -> None:
    """Print a row of the table immediately, since the next benchmark may take minutes."""
    cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], WIDTHS[1:])]
    print(f"{row[0]:<{WIDTHS[0]}}", *cells, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
