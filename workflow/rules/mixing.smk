"""
Which words each layer mixes into a word's representation, by several methods, where the word it must use is known.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/mixing/{corpus}/{model}/{step}.csv (mass and hits of the cue), {step}.sentences.parquet (of every sentence) and
                  {step}.maps.parquet (word by word), collected in results/mixing/mixing.csv, sentences.parquet and maps.parquet;
                  results/figures/mixing.*
"""


localrules:
    mixing,


rule mixing_run:
    """Score how one model mixes the words of sentences with a known cue."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
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
        mem_mb=int(3000 + config["analyses"]["mixing"]["memory_mb"]),
        runtime=240,
        gpu=get_gpus(),
    params:
        code=code_of("mixing"),
        checkpoint="resources/checkpoints/{model}/{step}",
        features=lookup("models/{model}/features", within=config, default=None),
        methods=config["analyses"]["mixing"]["methods"],
        splits=config["analyses"]["mixing"]["splits"],
        max_sentences=config["analyses"]["mixing"]["max_sentences"],
        memory_mb=config["analyses"]["mixing"]["memory_mb"],
        n_resamples=config["analyses"]["mixing"]["n_resamples"],
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/mixing.py"


rule mixing_tables:
    """Collect mass and hits of the cue, of the study and of its sentences, and the maps."""
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
    """Score the context mixing of the study; in results/mixing/."""
    input:
        rules.mixing_tables.output,


# What the figure is drawn from.
FIGURE_TABLES["mixing"] = {
    "table": rules.mixing_tables.output.table,
    "maps": rules.mixing_tables.output.maps,
}
