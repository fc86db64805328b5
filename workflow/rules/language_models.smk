"""
Small BERTs, trained on a text corpus by masked language modelling.

required inputs:  resources/corpora/{corpus}/manifest.json (text)
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/training/{corpus}/{model}.csv, the loss curve
"""

# One rule per model: models differ in their checkpoint steps, and one job writes all checkpoints of a model.
for name, model in config["models"].items():
    if model.get("recipe") != "masked_language_model":
        continue

    rule:
        """Train one small language model and write its checkpoints."""
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
            mem_mb=REQUEST.memory("train_language_model", model=name),
            runtime=REQUEST.minutes("train_language_model", model=name),
            gpu=get_gpus(),
        params:
            code=code_of("train_language_model"),
            state=f"resources/training/{name}",
            architecture=model["architecture"],
            steps=model["steps"],
            batch_size=model["batch_size"],
            mask_share=model["mask_share"],
            peak_learning_rate=model["peak_learning_rate"],
            matrix_rate=model["matrix_rate"],
            warmup=model["warmup"],
            syntax_regulariser=model["syntax_regulariser"],
            regulariser_until=model.get("regulariser_until"),
            regulariser_arcs=model["regulariser_arcs"],
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/train_language_model.py"
