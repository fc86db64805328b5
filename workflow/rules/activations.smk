"""
Activations of all checkpoints of a model on a corpus, extracted once and read by every analysis.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json, or the files
                  of arrays made elsewhere
outputs:          results/activations/{corpus}/{model}/{step}/manifest.json, with shards of segment means and their index;
                  for the time of an extraction by several jobs results/activations/{corpus}/.parts/{model}/{part}/
"""


# Number of jobs among which the extraction of a model on a corpus is divided. For clusters: --set-scatter extraction=16.
scattergather:
    extraction=1,


def get_extraction_params(corpus, runs):
    """Return the parameters that the extraction of some runs on a corpus shares with that of its parts."""
    # A model that hears altered speech has the weights and layers of another.
    entries = [config["models"][model] for model, _ in runs]
    sources = [source_of(config, model, step) for model, step in runs]
    models = [config["models"][model] for model, _ in sources]
    return dict(
        code=code_of("extract_activations"),
        manifests=[
            f"results/activations/{corpus}/{model}/{step}/manifest.json"
            for model, step in runs
        ],
        features=[model.get("features") for model in models],
        checkpoints=[get_folder(*run) for run in sources],
        layers=[model.get("layers") for model in models],
        windows=[model.get("windows") for model in models],
        alterations=[alteration_of(entry) for entry in entries],
        arrays=[get_arrays(corpus, *run) for run in runs],
        tiers=tiers_of(config, corpus),
        splits=config["activations"]["splits"],
        batch_s=config["activations"]["batch_s"],
        device=config["device"],
    )


def get_extraction_parts(corpus, name, runs):
    """Return the folders of the parts of an extraction; none if one job does it all. Arrays are read, not extracted."""
    parts = gather.extraction(
        f"results/activations/{corpus}/.parts/{name or 'baselines'}/{{scatteritem}}"
    )
    arrays = any(config["models"][model]["source"] == "arrays" for model, _ in runs)
    return [] if arrays or len(parts) == 1 else parts


# One rule per corpus and model, which extracts all steps that the analyses of the study read in one job. The acoustic
# baselines of a corpus share one job.
for corpus, name, runs in extracted_sweeps(config):
    stem = f"{corpus}__{name or 'baselines'}".replace("-", "_")

    rule:
        """Run the checkpoints of a model on a corpus and average the frames of every layer over every segment."""
        name:
            f"extract_activations_{stem}"
        input:
            corpus=f"resources/corpora/{corpus}/manifest.json",
            checkpoints=get_extracted(corpus, runs),
            needs=get_check(corpus),
            parts=get_extraction_parts(corpus, name, runs),
        output:
            manifests=get_extraction_params(corpus, runs)["manifests"],
        log:
            f"logs/extract_activations/{corpus}/{name or 'baselines'}.log",
        benchmark:
            f"logs/benchmarks/extract_activations/{corpus}/{name or 'baselines'}.tsv"
        threads: 1
        resources:
            mem_mb=REQUEST.memory("extract_activations", corpus=corpus, model=name),
            runtime=REQUEST.minutes(
                "extract_activations",
                n_outputs=0 if get_extraction_parts(corpus, name, runs) else len(runs),
                corpus=corpus,
                model=name,
            ),
            gpu=get_gpus(),
        params:
            **get_extraction_params(corpus, runs),
            part="",
        script:
            "../../scripts/extract_activations.py"

    if get_extraction_parts(corpus, name, runs):

        rule:
            """Make a part of the shards of an extraction; they are taken over by the job that seals the folders."""
            name:
                f"extract_part_{stem}"
            input:
                corpus=f"resources/corpora/{corpus}/manifest.json",
                checkpoints=get_extracted(corpus, runs),
                needs=get_check(corpus),
            output:
                folder=temp(
                    directory(
                        f"results/activations/{corpus}/.parts/{name or 'baselines'}/{{scatteritem}}"
                    )
                ),
            log:
                f"logs/extract_part/{corpus}/{name or 'baselines'}-{{scatteritem}}.log",
            benchmark:
                f"logs/benchmarks/extract_part/{corpus}/{name or 'baselines'}-{{scatteritem}}.tsv"
            threads: 1
            resources:
                mem_mb=REQUEST.memory("extract_activations", corpus=corpus, model=name),
                runtime=REQUEST.minutes(
                    "extract_activations",
                    n_outputs=len(runs),
                    corpus=corpus,
                    model=name,
                ),
                gpu=get_gpus(),
            params:
                **get_extraction_params(corpus, runs),
                part="{scatteritem}",
            script:
                "../../scripts/extract_activations.py"
