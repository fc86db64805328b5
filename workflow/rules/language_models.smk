"""
From a corpus of text to small BERTs that have learnt to guess hidden words.

required inputs:  resources/corpora/{corpus}/manifest.json (of text)
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/training/{corpus}/{model}.csv, the loss curve
"""

# One rule a model, for each has checkpoint steps of its own and writes all of them in one run.
for name, model in config["models"].items():
    if model.get("recipe") != "masked_language_model":
        continue

    rule:
        """Train one small language model and seal its checkpoints."""
        name:
            f"train_language_model_{name.replace('-', '_')}"
        input:
            corpus=f"resources/corpora/{model['corpus']}/manifest.json",
        output:
            checkpoints=expand(
                "resources/checkpoints/{model}/{step}/manifest.json",
                model=name,
                step=model["steps"],
            ),
            loss=f"results/training/{model['corpus']}/{name}.csv",
        log:
            f"logs/train_language_model/{name}.log",
        benchmark:
            f"logs/benchmarks/train_language_model/{name}.tsv"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
            gpu=get_gpus(),
        params:
            code=code_of("train_language_model"),
            state=f"resources/training/{name}",
            architecture=model["architecture"],
            steps=model["steps"],
            batch_size=model["batch_size"],
            mask_share=model["mask_share"],
            peak_learning_rate=model["peak_learning_rate"],
            syntax_regulariser=model["syntax_regulariser"],
            regulariser_until=model.get("regulariser_until"),
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/train_language_model.py"
