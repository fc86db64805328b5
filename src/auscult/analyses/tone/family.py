"""Declaration of the tone analysis: settings, part of the talk and requirements of a study."""

from auscult.analyses.tone.settings import ToneSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known, check_tier, check_voices
from auscult.seeds import task_of

__all__ = ["FAMILY"]


def check_tone(tone: Config, config: Config) -> None:
    """Raise ConfigError for acoustic models, seeds with different steps, and unknown baselines, poolings or tiers."""
    models = config["models"]
    for model in tone["models"]:
        if models[model]["source"] == "acoustic":
            raise ConfigError(
                "expected models with checkpoints in analyses: tone: models, found the acoustic "
                f"baseline {model!r}; name it under baselines"
            )
        same = next(name for name in tone["models"] if task_of(name) == task_of(model))
        steps, expected = (models[name].get("steps") for name in (model, same))
        if steps != expected:
            raise ConfigError(
                f"expected equal steps of {same} and {model} in analyses: tone: models, which are seeds of one "
                f"condition, found {expected} and {steps}; correct models: {model}"
            )
    contours = {name for name, model in models.items() if model.get("features") in ("f0", "mfcc")}
    for name in tone["baselines"]:
        check_known(name, contours, "analyses: tone: baselines", "acoustic models of features f0 or mfcc")
    for contrast, names in tone["contrasts"].items():
        for name in names:
            check_known(name, tone["poolings"], f"analyses: tone: contrasts: {contrast}", "poolings")
    for corpus in tone["corpora"]:
        for name, tiers in tone["poolings"].items():
            for tier in tiers:
                check_tier(tier, config, corpus, f"analyses: tone: poolings: {name}")
        if corpus not in tone["train"]:
            check_voices(corpus, config, "tone", tone["n_folds"])
    for corpus, other in tone["train"].items():
        where = f"analyses: tone: train: {corpus}"
        check_known(corpus, tone["corpora"], where, "corpora of tone")
        check_known(other, [name for name in config["corpora"] if name != corpus], where, "other corpora")
        for tier in sorted({tier for tiers in tone["poolings"].values() for tier in tiers}):
            check_tier(tier, config, other, f"{where}: poolings")


FAMILY = Family(
    name="tone",
    part="Part III: outlook",
    description="Probes of Mandarin tones and consonants at every checkpoint, averaged over seeds and compared.",
    settings=ToneSettings,
    chart={"metric": "accuracy", "target": "tone", "along": "step"},
    corpora="Corpora with syllables labelled for tone; the tiers of the poolings must be extracted.",
    watches_training=True,
    reads_activations=True,
    check=check_tone,
)
