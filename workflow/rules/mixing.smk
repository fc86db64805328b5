"""
Context mixing: the words that each layer mixes into the representation of a word, where the word that must be used is known.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/mixing/{corpus}/{model}/{step}.csv (mass and hits of the cue), {step}.sentences.parquet (the same by
                  sentence) and {step}.maps.parquet (word by word), collected in results/mixing/mixing.csv, sentences.parquet and maps.parquet;
                  results/figures/mixing.*
"""


localrules:
    mixing,


rule mixing_run:
    """Score how one model mixes the words of sentences whose cues are known."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        checkpoint=get_checkpoint,
    output:
        table="results/mixing/{corpus}/{model}/{step}.csv",
        sentences="results/mixing/{corpus}/{model}/{step}.sentences.parquet",
        maps="results/mixing/{corpus}/{model}/{step}.maps.parquet",
    log:
        "logs/mixing/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/mixing/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory(
            "mixing_run", extra_mb=config["analyses"]["mixing"]["memory_mb"] / 2
        ),
        runtime=REQUEST.minutes("mixing_run"),
        gpu=get_gpus(),
    params:
        code=code_of("mixing"),
        checkpoint="resources/checkpoints/{model}/{step}",
        features=lookup("models/{model}/features", within=config, default=None),
        settings=get_settings(
            "mixing", "methods", "splits", "max_sentences", "memory_mb", "n_resamples"
        ),
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/mixing.py"


rule mixing_tables:
    """Collect summaries, sentences and maps of all runs."""
    input:
        table=get_runs("mixing", ".csv"),
        sentences=get_runs("mixing", ".sentences.parquet"),
        maps=get_runs("mixing", ".maps.parquet"),
    output:
        table="results/mixing/mixing.csv",
        sentences="results/mixing/sentences.parquet",
        maps="results/mixing/maps.parquet",
    log:
        "logs/mixing/collect.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule mixing:
    """Measure context mixing; results in results/mixing/."""
    input:
        rules.mixing_tables.output,


# Tables of the figure.
FIGURE_TABLES["mixing"] = {
    "table": rules.mixing_tables.output.table,
    "maps": rules.mixing_tables.output.maps,
}
# Beside the effect on the spelling stands the probe of number, in studies that have one.
if "probing" in config["analyses"]:
    FIGURE_TABLES["mixing"]["probing"] = "results/probing/probing.csv"
