"""
From a pre-trained encoder to models with a task: recognisers and classifiers of utterances.

required inputs:  resources/checkpoints/{start}/{step}/manifest.json, resources/corpora/{corpus}/manifest.json
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/finetuning/{corpus}/{model}.csv, the quality
                  curve
"""


include: "finetuning_inputs.smk"


# One rule a model, for each has checkpoint steps of its own and writes all of them in one run.
for name, model in config["models"].items():
    if model["source"] != "finetuned":
        continue

    rule:
        """Fine-tune one small model and seal its checkpoints, heads included."""
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
        # What trains longest starts first, for analyses wait for it.
        priority: model["steps"][-1] * model["batch_size"]
        # Two models of this size side by side learn faster, on a thread each, than one after the other on two threads.
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
            gpu=get_gpus(),
        params:
            code=code_of("finetune_model"),
            state=f"resources/training/{name}",
            task=model["task"],
            target=model.get("target"),
            steps=model["steps"],
            batch_size=model["batch_size"],
            peak_learning_rate=model["peak_learning_rate"],
            dropout=model["dropout"],
            mask_probability=model["mask_probability"],
            augmented_copies=model["augmented_copies"],
            head_steps=model["head_steps"],
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/finetune_model.py"
