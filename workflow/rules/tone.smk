"""
Probes of Mandarin tones and consonants at every checkpoint of a model, on unseen voices and unseen strings.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json of all steps, with syllables and the moments of their rimes;
                  resources/corpora/{corpus}/manifest.json for the acoustic contours
outputs:          results/tone/{corpus}/{model}.csv and {model}.syllables.parquet (one row per syllable), baselines.csv and baselines.syllables.parquet;
                  collected in results/tone/tone.csv; mean over seeds and comparisons in results/tone/summary.csv; results/figures/tone.*
"""

from auscult.study.tone import contour_features, tone_runs, tone_training


def get_tone(ending):
    """Return the path of the table of every run."""
    return [f"results/tone/{corpus}/{run}{ending}" for corpus, run in tone_runs(config)]


def get_tone_training(wildcards):
    """Return the manifests of a model's activations on the corpus that trains, in training order."""
    return [
        path.replace(f"/{wildcards.corpus}/", f"/{other}/", 1)
        for other in tone_training(config, wildcards.corpus)
        for path in get_sweep(wildcards)
    ]


def get_tone_training_corpus(wildcards):
    """Return the manifest of the corpus that trains, in a list."""
    return [
        f"resources/corpora/{other}/manifest.json"
        for other in tone_training(config, wildcards.corpus)
    ]


localrules:
    tone,


rule tone_run:
    """Probe every layer of every checkpoint of a model for tones and consonants."""
    input:
        activations=get_sweep,
        training=get_tone_training,
    output:
        table="results/tone/{corpus}/{model}.csv",
        syllables="results/tone/{corpus}/{model}.syllables.parquet",
    log:
        "logs/tone/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/tone/{corpus}/{model}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("tone_run"),
        runtime=REQUEST.minutes("tone_run"),
    params:
        code=code_of("tone"),
        settings=get_settings("tone", "contrasts", "poolings", "n_folds", "n_resamples"),
        seed=config["seed"],
    script:
        "../../scripts/tone.py"


rule tone_baselines:
    """Probe contours of F0 and MFCCs of the same syllables."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        training=get_tone_training_corpus,
        needs=get_checked,
    output:
        table="results/tone/{corpus}/baselines.csv",
        syllables="results/tone/{corpus}/baselines.syllables.parquet",
    log:
        "logs/tone/{corpus}/baselines.log",
    benchmark:
        "logs/benchmarks/tone/{corpus}/baselines.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("tone_baselines"),
        runtime=REQUEST.minutes("tone_baselines"),
    params:
        code=code_of("tone_baselines"),
        features=contour_features(config),
        splits=config["activations"]["splits"],
        settings=get_settings("tone", "contrasts", "n_folds", "n_resamples"),
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
        settings=get_settings("tone", "n_resamples"),
        seed=config["seed"],
    script:
        "../../scripts/tone_summary.py"


rule tone:
    """Probe the study's models for tones and consonants; tables in results/tone/."""
    input:
        rules.tone_summary.output,


FIGURE_TABLES["tone"] = {
    "table": rules.tone_summary.output.table,
    "summary": rules.tone_summary.output.summary,
}
