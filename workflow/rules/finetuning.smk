"""
Fine-tuned models: speech recognisers and utterance classifiers, from a pre-trained encoder.

required inputs:  resources/checkpoints/{start}/{step}/manifest.json, resources/corpora/{corpus}/manifest.json
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/finetuning/{corpus}/{model}.csv, the quality
                  curve
"""

# One rule per model: models differ in their checkpoint steps, and one job writes all checkpoints of a model.
for name, model in config["models"].items():
    if model["source"] != "finetuned":
        continue

    rule:
        """Fine-tune one small model and write its checkpoints, including the heads."""
        name:
            f"finetune_model_{name.replace('-', '_')}"
        input:
            corpus=f"resources/corpora/{model['corpus']}/manifest.json",
            start=get_start(name),
        output:
            checkpoints=expand(
                "resources/checkpoints/{model}/{step}/manifest.json",
                model=name,
                step=model["steps"],
            ),
            quality=f"results/finetuning/{model['corpus']}/{name}.csv",
        log:
            f"logs/finetune_model/{name}.log",
        benchmark:
            f"logs/benchmarks/finetune_model/{name}.tsv"
        # The longest training runs start first, since analyses wait for them.
        priority: model["steps"][-1] * model["batch_size"]
        # Two models of this size train faster in parallel on one thread each than one after the other on two threads.
        threads: 1
        resources:
            mem_mb=REQUEST.memory("finetune_model", model=name),
            runtime=REQUEST.minutes("finetune_model", model=name),
            gpu=get_gpus(),
        params:
            code=code_of("finetune_model"),
            state=f"resources/training/{name}",
            task=model["task"],
            target=model.get("target"),
            steps=model["steps"],
            batch_size=model["batch_size"],
            peak_learning_rate=model["peak_learning_rate"],
            matrix_rate=model["matrix_rate"],
            warmup=model["warmup"],
            dropout=model["dropout"],
            mask_probability=model["mask_probability"],
            augmented_share=model["augmented_share"],
            time_warp=model["time_warp"],
            head_steps=model["head_steps"],
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/finetune_model.py"
