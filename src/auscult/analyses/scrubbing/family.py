"""Declaration of scrubbing: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.scrubbing.settings import ScrubbingSection
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_scrubbing(scrubbing: Config, config: Config) -> None:
    """Refuse models without transcripts, and splits that a synthetic corpus does not have."""
    for name in scrubbing["models"]:
        model = config["models"][name]
        if model["source"] == "trained" or model.get("task") == "classes":
            raise ConfigError(
                f"expected recognisers (task ctc) and acoustic baselines in analyses: scrubbing: models, "
                f"found {name!r}; take it out"
            )
    for corpus, fit in scrubbing["fit_corpora"].items():
        check_known(corpus, scrubbing["corpora"], "analyses: scrubbing: fit_corpora", "corpora of scrubbing")
        check_known(fit, config["corpora"], f"analyses: scrubbing: fit_corpora: {corpus}", "corpora")
    chosen = scrubbing["splits"]
    for corpus in scrubbing["corpora"]:
        fit = scrubbing["fit_corpora"].get(corpus, corpus)
        if fit == corpus and chosen["test"] == chosen["fit"]:
            raise ConfigError(
                f"expected a separate test split in analyses: scrubbing: splits, found {chosen['test']!r} also for "
                "fit; name another"
            )
        for use, split in chosen.items():
            source = corpus if use == "test" else fit
            splits = config["corpora"][source].get("sentences")
            if splits:
                check_known(split, splits, f"analyses: scrubbing: splits: {use}", f"splits of corpus {source}")


FAMILY = Family(
    name="scrubbing",
    part="Part III: outlook",
    description="Gender erased inside a recogniser: probes by layer and error rates before and after.",
    settings=ScrubbingSection,
    chart={
        "metric": "accuracy",
        "method": "leace",
        "erased_at": "all",
        "dose": "1",
        "position": "all",
        "gender": "all",
        "along": "layer",
    },
    models="Recognisers with a CTC head, or Whisper; acoustic models serve as baselines.",
    corpora="Corpora with the gender of every speaker and a transcript of every test utterance.",
    check=check_scrubbing,
)
