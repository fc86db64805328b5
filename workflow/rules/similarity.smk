"""
How alike spaces are: the layers of a model, of two models, and of a model and reference spaces.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, resources/corpora/{corpus}/manifest.json,
                  files of word vectors that references name
outputs:          results/similarity/{corpus}/{model}/{step}.csv (layers and references), results/similarity/{corpus}/models.csv,
                  collected in results/similarity/similarity.csv; results/figures/similarity.*
"""


include: "similarity_inputs.smk"


rule similarity_run:
    """Compare one model's layers with each other and with reference spaces."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
        others=get_reference_activations,
        vectors=get_vectors(),
        corpus="resources/corpora/{corpus}/manifest.json",
    output:
        table="results/similarity/{corpus}/{model}/{step}.csv",
    log:
        "logs/similarity/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_of("similarity"),
        tier=config["analyses"]["similarity"]["tier"],
        references=get_references(),
        measures=get_measures("metrics"),
        layer_metrics=config["analyses"]["similarity"]["layer_metrics"],
        n_items=config["analyses"]["similarity"]["n_items"],
    script:
        "../../scripts/similarity.py"


rule similarity_models:
    """Compare the layers of every two models, and of each model with its untrained self."""
    input:
        activations=get_corpus_activations,
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
        tier=config["analyses"]["similarity"]["tier"],
        measures=get_measures("layer_metrics"),
        n_items=config["analyses"]["similarity"]["n_items"],
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
    output:
        table="results/similarity/similarity.csv",
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


# What the figure is drawn from.
FIGURE_TABLES["similarity"] = {
    "table": rules.similarity.output.table,
}
