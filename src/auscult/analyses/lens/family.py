"""Declaration of lens: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.lens.settings import LensSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_lens(lens: Config, config: Config) -> None:
    """Refuse models without transcripts, a split for two purposes, and splits that a synthetic corpus lacks.

    Published and local models are known once they are opened.
    """
    for name in lens["models"]:
        model = config["models"][name]
        if model["source"] not in ("hub", "folder") and model.get("task") != "ctc":
            raise ConfigError(
                f"expected recognisers (task: ctc), or Whisper, in analyses: lens: models, found {name!r}; take it out"
            )
    splits = lens["splits"]
    shared = sorted(set(splits["fit"]) & set(splits["test"]))
    if lens["affine"] and shared:
        raise ConfigError(
            f"expected separate splits for fit and test in analyses: lens: splits, found {', '.join(shared)} in both; "
            "name another, or set affine: false"
        )
    for corpus in lens["corpora"]:
        known = config["corpora"][corpus].get("sentences")
        for use in ("fit", "test") if lens["affine"] else ("test",):
            for split in splits[use] if known else ():
                check_known(split, known, f"analyses: lens: splits: {use}", f"splits of corpus {corpus}")


FAMILY = Family(
    name="lens",
    part="Part II: feature importance",
    description="What a recogniser would write if its output read each layer instead of the last.",
    settings=LensSettings,
    models="Recognisers with a CTC head, or Whisper with its decoder.",
    corpora="Corpora with a transcript of every test utterance.",
    check=check_lens,
)
