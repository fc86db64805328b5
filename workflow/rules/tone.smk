"""
What is read of Mandarin tones and consonants at every checkpoint of a model, on voices and strings it has not met.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json of all steps, with syllables and the moments of their rimes;
                  resources/corpora/{corpus}/manifest.json for the acoustic contours
outputs:          results/tone/{corpus}/{model}.csv and {model}.syllables.parquet (of every syllable), baselines.csv and baselines.syllables.parquet;
                  collected in results/tone/tone.csv, over seeds and compared in results/tone/summary.csv; results/figures/tone.*
"""


include: "tone_inputs.smk"


localrules:
    tone,


rule tone_run:
    """Probe every layer of every checkpoint of a model for tones and consonants."""
    input:
        activations=get_sweep_activations,
    output:
        table="results/tone/{corpus}/{model}.csv",
        syllables="results/tone/{corpus}/{model}.syllables.parquet",
    log:
        "logs/tone/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/tone/{corpus}/{model}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code_of("tone"),
        contrasts=config["analyses"]["tone"]["contrasts"],
        poolings=config["analyses"]["tone"]["poolings"],
        n_folds=config["analyses"]["tone"]["n_folds"],
        n_resamples=config["analyses"]["tone"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/tone.py"


rule tone_baselines:
    """Probe contours of F0 and MFCC around the same syllables."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
    output:
        table="results/tone/{corpus}/baselines.csv",
        syllables="results/tone/{corpus}/baselines.syllables.parquet",
    log:
        "logs/tone/{corpus}/baselines.log",
    benchmark:
        "logs/benchmarks/tone/{corpus}/baselines.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code_of("tone_baselines"),
        features=get_contour_features(),
        contrasts=list(config["analyses"]["tone"]["contrasts"]),
        splits=config["activations"]["splits"],
        n_folds=config["analyses"]["tone"]["n_folds"],
        n_resamples=config["analyses"]["tone"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/tone_baselines.py"


rule tone_summary:
    """Collect the results, average them over seeds, and compare conditions syllable by syllable."""
    input:
        table=get_tone(".csv"),
        syllables=get_tone(".syllables.parquet"),
    output:
        table="results/tone/tone.csv",
        summary="results/tone/summary.csv",
    log:
        "logs/tone/summary.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("tone_summary"),
        n_resamples=config["analyses"]["tone"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/tone_summary.py"


rule tone:
    """Read tones and consonants of the study's models; in results/tone/."""
    input:
        rules.tone_summary.output,


# What the figure is drawn from.
FIGURE_TABLES["tone"] = {
    "table": rules.tone_summary.output.table,
    "summary": rules.tone_summary.output.summary,
}
