"""Texts of the figure of attribution: names of methods, the example of each column, and the note."""

import re
from textwrap import wrap

import pandas as pd

from auscult.analyses.attribution.pairs import split_pair
from auscult.figures import plotting
from auscult.figures.context import FigureContext

__all__ = ["METHODS", "EXAMPLE_LINES", "describe_example", "explained_word", "note"]

METHODS = {
    "saliency": "saliency",
    "input_x_gradient": "input ×\ngradient",
    "integrated_gradients": "int. grad.,\nsilence",
    "integrated_gradients_noise": "int. grad.,\nnoise",
    "occlusion": "occlusion",
    "ablation": "ablation",
    "lime": "LIME",
    "kernel_shap": "Kernel-\nSHAP",
}
EXAMPLE_LINES = 6
_WIDTH = 36


def explained_word(form: str) -> str:
    """Return the word whose spelling is explained, ``cachent`` of ``ils [cachent|cache]``; empty without one."""
    alternatives = re.search(r"\[([^|\]]+)\|([^\]]*)\]", split_pair(form)[0])
    return alternatives[1] if alternatives and alternatives[2] else ""


def describe_example(words: pd.DataFrame, width: int = _WIDTH) -> list[str]:
    """Return lines that state the transcript, the prediction and the explained output of one utterance.

    Parameters
    ----------
    words : scores of the utterance, columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    width : largest number of letters of a line
    """
    transcript = " ".join(words.drop_duplicates("index").sort_values("onset")["label"])
    first = words.iloc[0]
    own, partner, _ = split_pair(first["form"])
    alternatives = re.search(r"\[([^|\]]+)\|([^\]]*)\]", own)
    output = f"“{first['target']}”"
    if alternatives and alternatives[2]:
        output = f"“{alternatives[1]}” against “{alternatives[2]}”"
        # The target's own word has no score, and so no row.
        transcript = own.replace(alternatives[0], alternatives[1])
    if partner:
        output = f"{output} in a matched pair"
    texts = [
        f"said: {transcript}",
        f"predicted: {first['prediction']}",
        f"explained: {output}, p\u00a0=\u00a0{first['probability']:.2f}",
    ]
    return [line for text in texts for line in wrap(text, width)[: EXAMPLE_LINES // len(texts)]]


def note(scores: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> str:
    """Return the note: study, direction and scale of the bars, and the completeness gap of integrated gradients."""
    gaps = summary[(summary["metric"] == "completeness_gap") & (summary["step"].astype(str) != "0")]
    gap = f" Completeness gap of integrated gradients: {_describe_gaps(gaps)}." if len(gaps) else ""
    left_out = set(scores.loc[~scores["complete"].astype(bool) & (scores["step"].astype(str) != "0"), "input"])
    if left_out:
        gap += f" Left out as incomplete: {', '.join(sorted(left_out))}."
    return (
        f"{context.describe(scores['corpus'])} Bars: word scores in one test utterance, divided by the largest of each "
        f"method and input. Up supports the explained output, down opposes it; saliency has no sign.{gap}"
    )


def _describe_gaps(gaps: pd.DataFrame) -> str:
    """Return the range of the completeness gap for each baseline, in percent of the explained difference."""
    texts = []
    for method, name in (("integrated_gradients", "silence"), ("integrated_gradients_noise", "noise")):
        values = 100 * gaps.loc[gaps["method"] == method, "value"]
        if len(values):
            texts.append(f"from {name} {plotting.describe_range(values.round())} %")
    return ", ".join(texts)
