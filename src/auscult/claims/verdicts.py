"""Verdicts on claims: whether each is borne out by the tables of a study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from auscult.claims.comparisons import FAILS, HOLDS, MISSING, OPEN, Outcome, compare
from auscult.errors import ConfigError
from auscult.figures.findings import number, value_text

__all__ = ["CATALOGUE", "CLAIM_COLUMNS", "VERDICTS", "Claim", "read_claims", "judge", "describe_verdicts"]

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
VERDICTS = (HOLDS, OPEN, FAILS, MISSING)
CLAIM_COLUMNS = (
    "claim",
    "family",
    "sentence",
    "source",
    "verdict",
    "value",
    "ci_low",
    "ci_high",
    "n",
    "n_groups",
    "resampling_unit",
    "compared",
    "reason",
    "controls",
    "decides",
)
_KINDS = ("above", "below", "positive", "negative", "within", "descending")


@dataclass(frozen=True)
class Claim:
    """A claim of the talk or of a paper.

    Parameters
    ----------
    name : short name
    family : family of analyses that tests it, from whose table its rows are taken
    sentence : the claim, in our words
    source : where it is made
    rows : values of columns that all its rows share
    test : the comparison that decides it, or several, which must all hold, see
        :func:`auscult.claims.comparisons.compare`
    compared : the comparison in words: what is above, or different from, what
    controls : comparisons that must hold for the claim to be tested at all, by the words that name them
    decides : what would decide the claim where it is not separated
    """

    name: str
    family: str
    sentence: str
    source: str
    rows: Mapping[str, Any]
    test: Sequence[Mapping[str, Any]]
    compared: str
    controls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decides: str = ""


def read_claims(path: str | Path = CATALOGUE) -> list[Claim]:
    """Return the claims of a catalogue.

    Raises
    ------
    ConfigError
        A claim lacks a key, has an unknown one, or a comparison of no known kind.
    """
    claims = []
    for name, entry in yaml.safe_load(Path(path).read_text(encoding="utf-8")).items():
        test = entry["test"] if isinstance(entry.get("test"), list) else [entry.get("test")]
        try:
            claim = Claim(name=name, **{**entry, "test": test})
        except TypeError as error:
            raise ConfigError(f"expected the keys of a claim at {name} in {path}, found: {error}") from None
        for each in (*claim.test, *claim.controls.values()):
            if not (isinstance(each, Mapping) and set(each) & set(_KINDS)):
                raise ConfigError(
                    f"expected a comparison among {', '.join(_KINDS)} at {name} in {path}, found {each!r}; correct it"
                )
        claims.append(claim)
    return claims


def judge(claims: Iterable[Claim], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per claim, with its verdict, effect and controls.

    A claim is borne out if every comparison holds, contradicted if one has the opposite sign, and otherwise not
    separated. It cannot be tested where a row is missing. Where a control does not hold, a claim can be neither borne
    out nor contradicted: it may not pass because its control fails.

    Parameters
    ----------
    claims : as returned by :func:`read_claims`
    tables : table of each family of the study

    Returns
    -------
    verdicts : columns :data:`CLAIM_COLUMNS`; ``value`` and its interval are the difference that decided
    """
    return pd.DataFrame([_judge(claim, tables) for claim in claims], columns=list(CLAIM_COLUMNS))


def describe_verdicts(verdicts: pd.DataFrame) -> str:
    """Return the verdicts as lines of text: their number by kind, then each claim with its effect."""
    counts = [f"{(verdicts['verdict'] == kind).sum()} {kind}" for kind in VERDICTS]
    lines = [f"{len(verdicts)} claims: {', '.join(counts)}."]
    for kind in VERDICTS:
        for row in verdicts[verdicts["verdict"] == kind].to_dict("records"):
            effect = f" ({row['compared']}: {value_text(row)})" if pd.notna(row["value"]) else ""
            reason = f" ({row['reason']})" if row["reason"] else ""
            lines.append(f"  {kind}: {row['sentence']}{effect}{reason}")
    return "\n".join(lines)


def _judge(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    known = {
        "claim": claim.name,
        **{key: getattr(claim, key) for key in ("family", "sentence", "source", "compared", "decides")},
    }
    if claim.family not in tables:
        return {**known, "verdict": MISSING, "reason": f"the study has no {claim.family}", "controls": ""}
    table = tables[claim.family]
    outcomes = [compare(table, test, claim.rows) for test in claim.test]
    deciding = min(outcomes, key=lambda outcome: (MISSING, FAILS, OPEN, HOLDS).index(outcome.verdict))
    controls = {name: compare(table, test, claim.rows) for name, test in claim.controls.items()}
    failed = [name for name, outcome in controls.items() if outcome.verdict != HOLDS]
    verdict, reason = deciding.verdict, deciding.reason
    if failed and verdict != MISSING:
        reason = f"its control does not hold: {'; '.join(failed)}"
        verdict = OPEN if verdict == OPEN else MISSING
    found = {} if deciding.effect is None else vars(deciding.effect)
    return {
        **known,
        "verdict": verdict,
        "reason": reason,
        **{name: found.get(name) for name in ("value", "ci_low", "ci_high", "n", "n_groups")},
        "resampling_unit": found.get("unit", ""),
        "controls": "; ".join(_control_text(name, outcome) for name, outcome in controls.items()),
    }


def _control_text(name: str, outcome: Outcome) -> str:
    effect = outcome.effect
    shown = f" {value_text(vars(effect))}" if effect is not None and effect.has_interval else ""
    shown = shown or (f" {number(effect.value)}" if effect is not None else "")
    return f"{name}:{shown} {'holds' if outcome.verdict == HOLDS else 'does not hold'}"
