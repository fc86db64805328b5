"""Verification: a build compared with its seals, and its numbers with those of another build, claim by claim."""

import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.errors import AnalysisError, ConfigError, ManifestError
from auscult.manifests import MANIFEST, SEALS, check_folder
from auscult.result_seals import result_fault, sealed_results

__all__ = ["Checked", "Comparison", "check_build", "report_build", "compare_builds", "report_comparison"]

_METRICS = Path("results/talk/metrics.json")
_CLAIMS = Path("results/talk/claims.csv")
_ROOTS = ("resources", "results")
# Places of sealed folders. One that has lost its manifest is a fault, too.
_SEALED = ("resources/corpora/*", "resources/checkpoints/*/*", "results/activations/*/*/*")
_SHOWN = 20


@dataclass(frozen=True)
class Checked:
    """What was compared with its seal.

    Parameters
    ----------
    folders : number of sealed folders by kind, such as ``resources/corpora``
    files : number of sealed files and folders of pictures by kind, such as ``results/abx``
    unsealed : number of files below ``results`` and ``resources/downloads`` without a seal
    faults : one line per fault
    """

    folders: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    unsealed: int = 0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Numbers of two builds.

    Parameters
    ----------
    identical, close : number of values that are equal, and that differ by no more than the tolerance
    changed : values that differ by more, here and there, by their path in ``metrics.json``
    only_here, only_there : paths that one build lacks
    effects : number of claims of both builds by what became of their effect: identical, close, changed
    verdicts : claims with another verdict: here, and there; empty where a build lacks the claim
    """

    identical: int
    close: int
    changed: Mapping[str, tuple[Any, Any]]
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    effects: Mapping[str, int]
    verdicts: Mapping[str, tuple[str, str]]

    @property
    def differs(self) -> bool:
        """Whether a number has changed or is missing, or a verdict has changed."""
        return bool(self.changed or self.only_here or self.only_there or self.verdicts)


def check_build(directory: Path) -> Checked:
    """Compare every sealed folder, and every result with a seal, with what was written.

    Parameters
    ----------
    directory : directory of a study

    Raises
    ------
    ConfigError
        The directory holds no build.
    """
    if not any((directory / root).is_dir() for root in _ROOTS):
        raise ConfigError(
            f"expected a build, with folders results or resources, in {directory}, found neither; name its directory"
        )
    faults: list[str] = []
    folders, files = Counter[str](), Counter[str]()
    sealed: set[Path] = set()
    for path in _manifests(directory):
        folders[_kind(path)] += 1
        sealed.add(path.parent)
        try:
            check_folder(directory / path.parent)
        except ManifestError as error:
            faults.append(str(error))
    for folder in _unsealed_folders(directory):
        sealed.add(folder)
        try:
            check_folder(directory / folder)
        except ManifestError as error:
            faults.append(str(error))
    for path in sealed_results(directory):
        files[_kind(path)] += 1
        sealed.add(path)
        if fault := result_fault(path, directory):
            faults.append(fault)
    loose = [path for path in _results(directory) if sealed.isdisjoint({path, *path.parents})]
    faults += filter(None, (result_fault(path, directory) for path in loose))
    return Checked(dict(folders), dict(files), len(loose), tuple(faults))


def report_build(checked: Checked) -> Iterator[str]:
    """Yield lines on what was compared: numbers by kind, then each fault."""
    for kind, count in sorted(checked.folders.items()):
        yield f"{kind}: {count} sealed folder{'' if count == 1 else 's'}"
    for kind, count in sorted(checked.files.items()):
        yield f"{kind}: {count} sealed result{'' if count == 1 else 's'}"
    if checked.unsealed:
        yield f"without a seal, read only as far as whether they are empty: {checked.unsealed} results"
    yield from (f"fault: {fault}" for fault in checked.faults)
    yield f"{len(checked.faults)} fault{'' if len(checked.faults) == 1 else 's'}"
    if checked.faults:
        yield "delete what is named above and run auscult run: it and what was made from it are made anew"


def compare_builds(directory: Path, against: str, root: Path, tolerance: float) -> Comparison:
    """Compare the numbers and verdicts of a build with those of another one.

    Parameters
    ----------
    directory : directory of the build
    against : path of the other ``metrics.json``, with its ``claims.csv`` beside it; or a revision of the repository,
        such as ``HEAD``
    root : folder of the repository
    tolerance : difference up to which two values are close

    Raises
    ------
    AnalysisError
        A file is missing, or holds no numbers.
    """
    here = _flat(_numbers(_read(directory / _METRICS), str(directory / _METRICS)))
    there = _flat(_numbers(_other(against, _METRICS, root), f"{against} ({_METRICS.name})"))
    shared = here.keys() & there.keys()
    changed = {
        path: (here[path], there[path]) for path in here if path in shared and _gap(here[path], there[path]) > tolerance
    }
    identical = sum(here[path] == there[path] for path in shared)
    claims, other_claims = _claims(_optional(directory / _CLAIMS)), _claims(_other(against, _CLAIMS, root, True))
    both = claims.keys() & other_claims.keys()
    gaps = [_gap(claims[name][1], other_claims[name][1]) for name in both]
    names = sorted(claims.keys() | other_claims.keys()) if claims and other_claims else []
    pairs = {name: (claims.get(name, ("",))[0], other_claims.get(name, ("",))[0]) for name in names}
    return Comparison(
        identical,
        len(shared) - identical - len(changed),
        changed,
        tuple(path for path in here if path not in shared),
        tuple(path for path in there if path not in shared),
        Counter("identical" if gap == 0 else "close" if gap <= tolerance else "changed" for gap in gaps),
        {name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
    )


def report_comparison(found: Comparison, tolerance: float) -> Iterator[str]:
    """Yield lines on a comparison: numbers of values, the first changed ones, and every claim with another verdict."""
    yield (
        f"numbers: {found.identical} identical, {found.close} within {tolerance:g}, {len(found.changed)} changed, "
        f"{len(found.only_here)} only here, {len(found.only_there)} only there"
    )
    lines = [f"changed: {path}: {here} here, {there} there" for path, (here, there) in found.changed.items()]
    lines += [f"only here: {path}" for path in found.only_here] + [f"only there: {path}" for path in found.only_there]
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN} more"
    if not found.effects:
        yield "claims: not compared, since a build has no results/talk/claims.csv"
        return
    n_close, n_changed = found.effects.get("close", 0), found.effects.get("changed", 0)
    yield (
        f"claims: {found.effects.get('identical', 0)} with an identical effect, {n_close} within {tolerance:g}, "
        f"{n_changed} changed; {len(found.verdicts)} with another verdict"
    )
    for name, (here, there) in found.verdicts.items():
        yield f"  {name}: {here or 'no such claim'} here, {there or 'no such claim'} there"


def _manifests(directory: Path) -> Iterator[Path]:
    for root in _ROOTS:
        for path in sorted((directory / root).rglob(MANIFEST)):
            if not any(part.startswith(".") for part in path.relative_to(directory).parts):
                yield path.relative_to(directory)


def _unsealed_folders(directory: Path) -> Iterator[Path]:
    """Yield folders with files where sealed ones belong, but without a manifest."""
    for pattern in _SEALED:
        for folder in sorted(directory.glob(pattern)):
            place = folder.relative_to(directory)
            hidden = any(part.startswith(".") for part in place.parts)
            if folder.is_dir() and not hidden and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
                yield place


def _results(directory: Path) -> Iterator[Path]:
    for root in ("results", "resources/downloads"):
        for path in sorted((directory / root).rglob("*")):
            if path.is_file() and SEALS not in path.parts and path.name != MANIFEST:
                yield path.relative_to(directory)


def _kind(path: Path) -> str:
    return "/".join(path.parts[:2])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AnalysisError(
            f"expected the numbers of a build in {path}, found none ({reason}); build the study with auscult run"
        ) from None


def _optional(path: Path) -> str:
    return _read(path) if path.is_file() else ""


def _other(against: str, name: Path, root: Path, optional: bool = False) -> str:
    """Return a file of the other build: beside the named one, or at a revision of the repository."""
    file = Path(against).expanduser()
    if file.is_file():
        return _read(file) if not optional else _optional(file.with_name(name.name))
    safe = f"safe.directory={root.resolve()}"
    done = subprocess.run(
        ["git", "-c", safe, "-C", str(root), "show", f"{against}:{name.as_posix()}"], capture_output=True, check=False
    )
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    if optional:
        return ""
    reason = done.stderr.decode("utf-8", "replace").strip()
    raise AnalysisError(
        f"expected a file of numbers, or a revision of {root} that has {name}, as --against, found {against!r} "
        f"({reason}); name the metrics.json of another build, or HEAD"
    )


def _numbers(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnalysisError(f"expected a JSON object of numbers in {where}, found other text; build the page again")
    return found


def _flat(numbers: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in numbers.items():
        place = f"{path}/{name}" if path else name
        flat |= _flat(value, place) if isinstance(value, dict) else {place: value}
    return flat


def _gap(here: Any, there: Any) -> float:
    if here == there:
        return 0.0
    # Values have four decimals, of which subtraction leaves more.
    numeric = all(isinstance(value, int | float) for value in (here, there))
    return round(abs(here - there), 9) if numeric else float("inf")


def _claims(text: str) -> dict[str, tuple[str, Any]]:
    """Return verdict and effect of each claim."""
    if not text.strip():
        return {}
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)
    if not {"claim", "verdict", "value"} <= set(table):
        return {}
    effects = [float(value) if value else None for value in table["value"]]
    return dict(zip(table["claim"], zip(table["verdict"], effects)))
