"""Folders that tests read: the repository, captions, reference tables, and recorded speech."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CAPTIONS = ROOT / "workflow" / "report"
REFERENCE = ROOT / "workflow" / "reference"
DATA = ROOT.parent / "shared" / "data"
