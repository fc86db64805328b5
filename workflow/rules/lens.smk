"""
What each layer of a recogniser would already say: its output reads every layer, as it is and through affine maps.

required inputs:  resources/corpora/{corpus}/manifest.json (transcripts), resources/checkpoints/{model}/{step}/manifest.json
                  (with a CTC head, or Whisper with its decoder)
outputs:          results/lens/{corpus}/{model}/{step}.csv, collected in results/lens/lens.csv; results/figures/lens.*
"""


localrules:
    lens,


rule lens_run:
    """Let the output of one recogniser read each of its layers, and score the transcripts."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        checkpoint=get_checkpoint,
    output:
        table="results/lens/{corpus}/{model}/{step}.csv",
    log:
        "logs/lens/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/lens/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=get_gpus(),
    params:
        code=code_of("lens"),
        settings=get_settings(
            "lens", "splits", "affine", "n_fit", "n_test", "n_resamples"
        ),
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/lens.py"


rule lens_tables:
    """Collect the scores of every recogniser."""
    input:
        table=get_runs("lens", ".csv"),
    output:
        table="results/lens/lens.csv",
    log:
        "logs/lens/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule lens:
    """Let the output of every recogniser read each of its layers; in results/lens/."""
    input:
        rules.lens_tables.output,


# Tables from which the figure is drawn.
FIGURE_TABLES["lens"] = {
    "table": rules.lens_tables.output.table,
}
