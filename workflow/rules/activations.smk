"""
Activations of all checkpoints of a model on a corpus, extracted once and read by every analysis.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json, or the files
                  of arrays made elsewhere
outputs:          results/activations/{corpus}/{model}/{step}/manifest.json, with shards of segment means and their index
"""

# One rule per corpus and model, which extracts all steps that the analyses of the study read in one job. The acoustic
# baselines of a corpus share one job.
for corpus, name, runs in extracted_sweeps(config):

    rule:
        """Run the checkpoints of a model on a corpus and average the frames of every layer over every segment."""
        name:
            f"extract_activations_{corpus}__{name or 'baselines'}".replace("-", "_")
        input:
            corpus=f"resources/corpora/{corpus}/manifest.json",
            checkpoints=get_extracted(corpus, runs),
            needs=get_check(corpus),
        output:
            manifests=[
                f"results/activations/{corpus}/{model}/{step}/manifest.json"
                for model, step in runs
            ],
        log:
            f"logs/extract_activations/{corpus}/{name or 'baselines'}.log",
        benchmark:
            f"logs/benchmarks/extract_activations/{corpus}/{name or 'baselines'}.tsv"
        threads: 1
        resources:
            mem_mb=6000,
            runtime=240,
            gpu=get_gpus(),
        params:
            code=code_of("extract_activations"),
            features=[config["models"][model].get("features") for model, _ in runs],
            checkpoints=[get_folder(*run) for run in runs],
            layers=[config["models"][model].get("layers") for model, _ in runs],
            arrays=[get_arrays(corpus, *run) for run in runs],
            tiers=tiers_of(config, corpus),
            splits=config["activations"]["splits"],
            batch_s=config["activations"]["batch_s"],
            device=config["device"],
        script:
            "../../scripts/extract_activations.py"
