"""
Speech translators of three mechanisms, trained from an encoder or a recogniser; one job trains all seeds of a translator.

required inputs:  resources/checkpoints/{start}/{step}/manifest.json, resources/corpora/{corpus}/manifest.json with
                  reference translations
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/finetuning/{corpus}/{model}.csv, the quality
                  curve
"""

# One rule per translator: its seeds share front-end frames or the states of a frozen encoder, which take half of the time.
for name, group in translator_seeds(config).items():
    model = config["models"][group[0]]

    rule:
        """Train all seeds of one translator and write their checkpoints."""
        name:
            f"train_translators_{name.replace('-', '_')}"
        input:
            corpus=f"resources/corpora/{model['corpus']}/manifest.json",
            start=get_start(group[0]),
        output:
            checkpoints=[
                f"resources/checkpoints/{seed}/{step}/manifest.json"
                for seed in group
                for step in config["models"][seed]["steps"]
            ],
            quality=expand(
                "results/finetuning/{corpus}/{model}.csv",
                corpus=model["corpus"],
                model=group,
            ),
        log:
            f"logs/train_translators/{name}.log",
        benchmark:
            f"logs/benchmarks/train_translators/{name}.tsv"
        # The longest training runs start first, since analyses wait for them.
        priority: model["steps"][-1] * model["batch_size"]
        threads: 1
        resources:
            mem_mb=REQUEST.memory("train_translators", model=next(iter(group))),
            runtime=REQUEST.minutes("train_translators", model=next(iter(group))),
            gpu=get_gpus(),
        params:
            code=code_of("train_translators"),
            state="resources/training",
            seeds={seed: model_seed(config, seed) for seed in group},
            steps={seed: config["models"][seed]["steps"] for seed in group},
            mechanism=model["mechanism"],
            batch_size=model["batch_size"],
            peak_learning_rate=model["peak_learning_rate"],
            matrix_rate=model["matrix_rate"],
            warmup=model["warmup"],
            dropout=model["dropout"],
            width=model["width"],
            decoder_layers=model["decoder_layers"],
            decoder_steps=model["decoder_steps"],
            encoder_rate=model["encoder_rate"],
            device=config["device"],
        script:
            "../../scripts/train_translators.py"
