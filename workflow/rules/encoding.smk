"""
Linguistic levels encoded by a model at each checkpoint and layer, with sigmoid fits of their curves.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json of every checkpoint;
                  resources/corpora/{corpus}/manifest.json for the levels noun_number and verb_number
outputs:          results/encoding/{corpus}/{model}/scores.csv, curves.csv and draws.parquet (resampled midpoints), collected in
                  results/encoding/encoding.csv, curves.csv and draws.parquet; results/encoding/summary.csv (comparisons of
                  levels and models); results/figures/encoding.*
"""

from auscult.study.encoding import needs_words as encoding_needs_words


def get_encoded_words(wildcards):
    """Return the corpus if a level is derived from all of its words, otherwise nothing."""
    manifest = f"resources/corpora/{wildcards.corpus}/manifest.json"
    return [manifest] if encoding_needs_words(config, wildcards.corpus) else []


def get_encoding_tables(name):
    """Return the path of a table of every model and corpus."""
    runs = dict.fromkeys(run[:2] for run in runs_of(config, "encoding"))
    return [f"results/encoding/{corpus}/{model}/{name}" for corpus, model in runs]


localrules:
    encoding,


rule encoding_sweep:
    """Score one model at all its checkpoints on one corpus by probes and ABX, and fit a sigmoid to each curve."""
    input:
        activations=get_sweep,
        corpus=get_encoded_words,
    output:
        scores="results/encoding/{corpus}/{model}/scores.csv",
        curves="results/encoding/{corpus}/{model}/curves.csv",
        draws="results/encoding/{corpus}/{model}/draws.parquet",
    log:
        "logs/encoding/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/encoding/{corpus}/{model}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("encoding_sweep"),
        runtime=REQUEST.minutes("encoding_sweep"),
    params:
        code=code_of("encoding"),
        levels=get_targets("encoding"),
        expected=lambda wildcards: steps_of(
            wildcards.model, config["models"][wildcards.model]
        ),
        settings=get_settings(
            "encoding",
            "n_folds",
            "min_class_size",
            "max_items",
            "max_items_per_bin",
            "max_cells",
            "n_resamples",
        ),
        seed=config["seed"],
    script:
        "../../scripts/encoding.py"


rule encoding_tables:
    """Collect scores, curves and resampled midpoints of the study."""
    input:
        scores=get_encoding_tables("scores.csv"),
        curves=get_encoding_tables("curves.csv"),
        draws=get_encoding_tables("draws.parquet"),
    output:
        scores="results/encoding/encoding.csv",
        curves="results/encoding/curves.csv",
        draws="results/encoding/draws.parquet",
    log:
        "logs/encoding/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule encoding_summary:
    """Compare midpoints and layers of levels within each model, and the spread of midpoints between models."""
    input:
        curves=rules.encoding_tables.output.curves,
        draws=rules.encoding_tables.output.draws,
    output:
        table="results/encoding/summary.csv",
    log:
        "logs/encoding/summary.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("encoding_summary"),
        compare=config["analyses"]["encoding"]["compare"],
    script:
        "../../scripts/encoding_summary.py"


rule encoding:
    """Score the levels of the study, fit their curves and compare models; tables in results/encoding/."""
    input:
        rules.encoding_tables.output,
        rules.encoding_summary.output,


FIGURE_TABLES["encoding"] = {
    "table": rules.encoding_tables.output.scores,
    "curves": rules.encoding_tables.output.curves,
    "summary": rules.encoding_summary.output.table,
}
