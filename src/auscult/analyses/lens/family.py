"""Declaration of lens: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.lens.settings import LensSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_lens(lens: Config, config: Config) -> None:
    """Refuse models without transcripts, one split for two purposes, and splits that a synthetic corpus lacks.

    Published and local models are known once they are opened.
    """
    for name in lens["models"]:
        model = config["models"][name]
        if model["source"] not in ("hub", "folder") and model.get("task") != "ctc":
            raise ConfigError(
                f"expected recognisers (task: ctc), or Whisper, in analyses: lens: models, found {name!r}; take it out"
            )
    splits = lens["splits"]
    if lens["affine"] and splits["fit"] == splits["test"]:
        raise ConfigError(
            f"expected a separate test split in analyses: lens: splits, found {splits['test']!r} also for fit; name "
            "another, or set affine: false"
        )
    for corpus in lens["corpora"]:
        named = config["corpora"][corpus].get("sentences")
        for use in ("fit", "test") if lens["affine"] else ("test",):
            if named:
                check_known(splits[use], named, f"analyses: lens: splits: {use}", f"splits of corpus {corpus}")


FAMILY = Family(
    name="lens",
    part="Part II: feature importance",
    description="What a recogniser would write if its output read each layer instead of the last.",
    settings=LensSettings,
    models="Recognisers with a CTC head, or Whisper with its decoder.",
    corpora="Corpora with a transcript of every test utterance.",
    check=check_lens,
)
