"""Declaration of scrubbing: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.scrubbing.settings import ScrubbingSection
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_scrubbing(scrubbing: Config, config: Config) -> None:
    """Refuse models that write nothing, and splits that a synthetic corpus does not have."""
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
    for corpus in scrubbing["corpora"]:
        fit = scrubbing["fit_corpora"].get(corpus, corpus)
        if fit == corpus and scrubbing["splits"]["test"] in (scrubbing["splits"]["fit"], scrubbing["splits"]["choose"]):
            raise ConfigError(
                f"expected a test split of its own in analyses: scrubbing: splits, found "
                f"{scrubbing['splits']['test']!r} for fit or choose, too; name another"
            )
        for use, split in scrubbing["splits"].items():
            source = corpus if use == "test" else fit
            splits = config["corpora"][source].get("sentences")
            if splits:
                check_known(split, splits, f"analyses: scrubbing: splits: {use}", f"splits of corpus {source}")


FAMILY = Family(
    name="scrubbing",
    part="Part III: outlook",
    description="Gender erased inside a recogniser, probes by layer and error rates before and after.",
    settings=ScrubbingSection,
    models="Recognisers with a CTC head; acoustic models are baselines.",
    corpora="Their voices have a gender and their utterances a transcript.",
    check=check_scrubbing,
)
