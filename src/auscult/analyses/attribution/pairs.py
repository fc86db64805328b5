"""Names of explained outputs that are the mean over a matched pair of recordings."""

__all__ = ["join_pair", "split_pair"]

# Between the forms of two matched recordings.
_PAIR = " ⇄ "


def join_pair(form: str, partner: str, partner_form: str) -> str:
    """Return one form for two matched recordings, whose explained outputs are averaged.

    Parameters
    ----------
    form : of the first recording
    partner, partner_form : utterance and form of the second
    """
    return f"{form}{_PAIR}{partner}: {partner_form}"


def split_pair(form: str) -> tuple[str, str, str]:
    """Return form, partner and the partner's form, of which the latter two are empty for a single recording."""
    own, _, rest = form.partition(_PAIR)
    partner, _, partner_form = rest.partition(": ")
    return own, partner, partner_form
