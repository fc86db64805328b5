"""
Similarity of representation spaces: the layers of a model, of two models, and of a model and reference spaces.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, resources/corpora/{corpus}/manifest.json,
                  files of word vectors named by references
outputs:          results/similarity/{corpus}/{model}/{step}.csv (layers and references), results/similarity/{corpus}/models.csv,
                  collected in results/similarity/similarity.csv; {step}.blocks.csv and {step}.gram.csv (labels × speakers),
                  collected in results/similarity/blocks.csv and gram.csv; results/figures/similarity.*
"""

from auscult.study.similarity import (
    between_models,
    compared_runs,
    reference_runs,
    reference_spaces,
    vector_files,
)

SIMILARITY_ACTIVATIONS = "results/activations/{corpus}/{model}/{step}/manifest.json"


def get_reference_activations(wildcards):
    """Return the activations of the models that serve as reference spaces."""
    return [
        SIMILARITY_ACTIVATIONS.format(corpus=wildcards.corpus, model=model, step=step)
        for model, step in reference_runs(config, wildcards.model)
    ]


def get_compared_activations(wildcards):
    """Return the activations of every model that similarity compares on a corpus."""
    return [
        SIMILARITY_ACTIVATIONS.format(corpus=wildcards.corpus, model=model, step=step)
        for model, step in compared_runs(config, wildcards.corpus)
    ]


rule similarity_run:
    """Compare one model's layers with each other and with reference spaces."""
    input:
        activations=SIMILARITY_ACTIVATIONS,
        others=get_reference_activations,
        # Inputs, so that another file of word vectors reruns the comparison.
        vectors=vector_files(config, STUDY_FOLDER),
        corpus="resources/corpora/{corpus}/manifest.json",
    output:
        table="results/similarity/{corpus}/{model}/{step}.csv",
        blocks="results/similarity/{corpus}/{model}/{step}.blocks.csv",
        gram="results/similarity/{corpus}/{model}/{step}.gram.csv",
    log:
        "logs/similarity/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=REQUEST.memory("similarity_run"),
        runtime=REQUEST.minutes("similarity_run"),
    params:
        code=code_of("similarity"),
        references=reference_spaces(config, STUDY_FOLDER),
        settings=get_settings(
            "similarity", "tier", "layer_metrics", "n_items", "measures", "blocks"
        ),
        seed=config["seed"],
    script:
        "../../scripts/similarity.py"


rule similarity_models:
    """Compare the layers of every two models, and of each model with its untrained control."""
    input:
        activations=get_compared_activations,
    output:
        table="results/similarity/{corpus}/models.csv",
    log:
        "logs/similarity/{corpus}/models.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_of("similarity_models"),
        settings=between_models(config),
        seed=config["seed"],
    script:
        "../../scripts/similarity_models.py"


rule similarity:
    """Collect the comparisons of the study in results/similarity/similarity.csv."""
    input:
        table=[
            *get_runs("similarity", ".csv"),
            *expand(
                "results/similarity/{corpus}/models.csv",
                corpus=config["analyses"]["similarity"]["corpora"],
            ),
        ],
        blocks=get_runs("similarity", ".blocks.csv"),
        gram=get_runs("similarity", ".gram.csv"),
    output:
        table="results/similarity/similarity.csv",
        blocks="results/similarity/blocks.csv",
        gram="results/similarity/gram.csv",
    log:
        "logs/similarity/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


# Tables from which the figure is drawn.
FIGURE_TABLES["similarity"] = {
    "table": rules.similarity.output.table,
    "blocks": rules.similarity.output.blocks,
    "gram": rules.similarity.output.gram,
}
