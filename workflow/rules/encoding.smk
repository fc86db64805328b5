"""
Which linguistic levels a model encodes, checkpoint by checkpoint and layer by layer, and sigmoid fits of their curves.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json of every checkpoint
outputs:          results/encoding/{corpus}/{model}/scores.csv, curves.csv and draws.parquet (resampled midpoints), collected in
                  results/encoding/encoding.csv, curves.csv and draws.parquet; results/encoding/summary.csv (levels and models
                  compared); results/figures/encoding.*
"""


include: "encoding_inputs.smk"


localrules:
    encoding,


rule encoding_sweep:
    """Probe one model at all its checkpoints on one corpus, score it zero-shot, and fit the curves of its levels."""
    input:
        activations=get_encoding_sweep,
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
        mem_mb=3000,
        runtime=120,
    params:
        code=code_of("encoding"),
        levels=get_encoding_levels,
        expected=get_encoding_steps,
        settings=get_encoding_settings(),
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
    """Compare how far apart models learn levels, and whether abstract ones come later and deeper."""
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
    """Score the levels of the study, fit their curves and compare models; in results/encoding/."""
    input:
        rules.encoding_tables.output,
        rules.encoding_summary.output,


# What the figure is drawn from.
FIGURE_TABLES["encoding"] = {
    "scores": rules.encoding_tables.output.scores,
    "curves": rules.encoding_tables.output.curves,
    "summary": rules.encoding_summary.output.table,
}
