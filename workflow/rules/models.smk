"""
From a recipe, a hub or a folder to checkpoints that all look alike.

required inputs:  resources/corpora/{corpus}/manifest.json (trained), a repository and revision (hub), a path (folder)
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/training/{corpus}/{model}.csv, the loss curve
"""

# One rule a model, for each has checkpoint steps of its own and writes all of them in one run.
for name, model in config["models"].items():
    if model["source"] != "trained" or model["recipe"] == "masked_language_model":
        continue

    rule:
        """Train one small model and seal its checkpoints."""
        name:
            f"train_model_{name.replace('-', '_')}"
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
            f"logs/train_model/{name}.log",
        benchmark:
            f"logs/benchmarks/train_model/{name}.tsv"
        # What trains longest starts first, for analyses wait for it.
        priority: model["steps"][-1] * model["batch_size"]
        # Two models of this size side by side learn faster, on a thread each, than one after the other on two threads.
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
            gpu=get_gpus(),
        params:
            code=code_of("train_model"),
            state=f"resources/training/{name}",
            recipe=model["recipe"],
            architecture=model["architecture"],
            codebooks=model["codebooks"],
            steps=model["steps"],
            batch_size=model["batch_size"],
            crop_s=model["crop_s"],
            peak_learning_rate=model["peak_learning_rate"],
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/train_model.py"


# A step 0 that is published is fetched; one that is not is initialised.
ruleorder: initialise_checkpoint > fetch_checkpoint


rule fetch_checkpoint:
    """Fetch one checkpoint of a model from a hub, its hashes verified, as safetensors."""
    output:
        manifest="resources/checkpoints/{model}/{step}/manifest.json",
    log:
        "logs/fetch_checkpoint/{model}/{step}.log",
    wildcard_constraints:
        model=get_names("models", "hub"),
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        published=get_published,
        # Not an output: it must outlive the checkpoint, to notice when a branch has moved.
        record="resources/hub/{model}/{step}.json",
        allow_pickle=lookup("models/{model}/allow_pickle", within=config),
        head=lookup("models/{model}/head", within=config, default=None),
        tokenizer=lookup("models/{model}/tokenizer", within=config, default=None),
    script:
        "../../scripts/fetch_checkpoint.py"


rule import_checkpoint:
    """Copy a Hugging Face folder of one's own, checked."""
    input:
        files=get_local_checkpoint,
    output:
        manifest="resources/checkpoints/{model}/final/manifest.json",
    log:
        "logs/import_checkpoint/{model}.log",
    wildcard_constraints:
        model=get_names("models", "folder"),
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        code=code_of("import_checkpoint"),
        source=lambda wildcards: get_local_path(config["models"][wildcards.model]),
        head=lookup("models/{model}/head", within=config, default=None),
    script:
        "../../scripts/import_checkpoint.py"


rule initialise_checkpoint:
    """Make the untrained twin of a model that comes trained: same architecture, fresh weights."""
    input:
        like=get_trained_twin,
    output:
        manifest="resources/checkpoints/{model}/0/manifest.json",
    log:
        "logs/initialise_checkpoint/{model}.log",
    wildcard_constraints:
        model="|".join(uninitialised_models(config)) or "(?!)",
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        code=code_of("initialise_checkpoint"),
        seed=config["seed"],
    script:
        "../../scripts/initialise_checkpoint.py"


rule checkpoints:
    """Train, fetch or import every checkpoint of the study."""
    input:
        [
            f"resources/checkpoints/{name}/{step}/manifest.json"
            for name, model in config["models"].items()
            if model["source"] != "acoustic"
            for step in steps_of(name, model)
        ],
