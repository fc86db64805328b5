"""Tables of attribution scores with known agreement."""

import pandas as pd

from auscult.analyses.reliability.agreement import (
    score_vectors,
)

HOP = 100


def rows(scores, utterance="a", method="lime", input_="waveform", unit="word", target="yes"):
    """Return the attribution rows of one utterance, its segments one hop long."""
    about = {"utterance": utterance, "method": method, "input": input_, "unit": unit, "target": target}
    return pd.DataFrame(
        [
            about | {"index": i, "label": "w", "onset": i * HOP, "offset": (i + 1) * HOP, "score": s}
            for i, s in enumerate(scores)
        ]
    )


def vectors(*tables):
    return score_vectors(pd.concat(tables), "the table")
