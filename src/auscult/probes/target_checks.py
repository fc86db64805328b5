"""Checks of probing targets that need no data: unknown values and combinations that cannot be probed."""

from collections.abc import Mapping
from typing import Any, Literal

from auscult.errors import AnalysisError

__all__ = ["Kind", "HELD_OUT", "NONLINEAR_PROBES", "check_target", "type_columns", "training_corpora"]

Kind = Literal["classes", "values"]
HELD_OUT = ("speaker", "utterance", "type", "speaker+type")
NONLINEAR_PROBES = ("mlp", "attention")


def type_columns(target: Mapping[str, Any]) -> list[str]:
    """Return the columns that together name an item's type."""
    columns = target.get("type") or []
    return [columns] if isinstance(columns, str) else list(columns)


def training_corpora(target: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the other corpora that the probes of a target are trained on."""
    corpora = (target.get("train") or {}).get("corpus") or ()
    return (corpora,) if isinstance(corpora, str) else tuple(corpora)


def check_target(target: Mapping[str, Any]) -> None:
    """Raise :class:`AnalysisError` if a target has unknown values or values that cannot be combined.

    Parameters
    ----------
    target : target as in :func:`~auscult.analyses.probing.analysis.probe_activations`
    """
    where, held_out, kind = f"target {target['name']!r}", target["held_out"], target.get("kind", "classes")
    nonlinear, control = list(target.get("nonlinear") or []), bool(target.get("control"))
    unknown = [name for name in nonlinear if name not in NONLINEAR_PROBES]
    if unknown:
        raise AnalysisError(
            f"{where}: expected nonlinear among {', '.join(NONLINEAR_PROBES)}, found {', '.join(map(repr, unknown))}; "
            "correct the names"
        )
    if held_out not in HELD_OUT:
        raise AnalysisError(
            f"{where}: expected held_out to be {', '.join(HELD_OUT[:-1])} or {HELD_OUT[-1]}, found {held_out!r}"
        )
    if kind not in ("classes", "values"):
        raise AnalysisError(f"{where}: expected kind to be classes or values, found {kind!r}")
    if ("type" in held_out or control) and not type_columns(target):
        what = "control is asked for" if control else f"held_out is {held_out!r}"
        raise AnalysisError(
            f"{where}: expected a column of types where {what}, found none; add the key type, such as a word's lemma"
        )
    if (target.get("train") or target.get("test")) and "type" in held_out:
        raise AnalysisError(
            f"{where}: expected held_out speaker or utterance where train or test is given, found {held_out!r}; types "
            "that are known from training are counted in type_overlap"
        )
    if kind == "values":
        _check_values(where, target, nonlinear, control)
    if control and "type" in held_out:
        raise AnalysisError(
            f"{where}: expected a control task whose types also occur in training, found held_out {held_out!r}, which "
            "keeps them apart; hold out something else or take control out of the target"
        )
    if "attention" in nonlinear and target["tier"] != "utterance":
        raise AnalysisError(
            f"{where}: expected tier utterance for probe 'attention', found {target['tier']!r}; take attention out of "
            "nonlinear"
        )


def _check_values(where: str, target: Mapping[str, Any], nonlinear: list[str], control: bool) -> None:
    if control:
        raise AnalysisError(f"{where}: expected kind classes for a control task, found values; take control out")
    refused = [*nonlinear, *(["mdl"] if target.get("mdl") else [])]
    if refused:
        raise AnalysisError(
            f"{where}: expected kind classes for {', '.join(refused)}, found values; take "
            f"{'it' if len(refused) == 1 else 'them'} out of the target"
        )
