"""
Checkpoints in one common format: trained here, fetched from a hub, or imported from a folder.

required inputs:  resources/corpora/{corpus}/manifest.json (trained), a repository and revision (hub), a path (folder)
outputs:          resources/checkpoints/{model}/{step}/manifest.json; results/training/{corpus}/{model}.csv, the loss curve
"""

# One rule per model: models differ in their checkpoint steps, and one job writes all checkpoints of a model.
for name, model in config["models"].items():
    if model["source"] != "trained" or model["recipe"] == "masked_language_model":
        continue

    rule:
        """Pre-train one small speech model and write its checkpoints."""
        name:
            f"train_model_{name.replace('-', '_')}"
        input:
            corpus=f"resources/corpora/{model['corpus']}/manifest.json",
            teacher=get_teacher(name),
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
        # The longest training runs start first, since analyses wait for them.
        priority: model["steps"][-1] * model["batch_size"]
        # Two models of this size train faster in parallel on one thread each than one after the other on two threads.
        threads: 1
        resources:
            mem_mb=REQUEST.memory("train_model", model=name),
            runtime=REQUEST.minutes("train_model", model=name),
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
            matrix_rate=model["matrix_rate"],
            warmup=model["warmup"],
            seed=model_seed(config, name),
            device=config["device"],
        script:
            "../../scripts/train_model.py"


# Step 0 is fetched if it is published and initialised here otherwise.
ruleorder: initialise_checkpoint > fetch_checkpoint > import_checkpoint


rule fetch_checkpoint:
    """Fetch one checkpoint from a hub, verify its hashes and store it as safetensors."""
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
        preprocessor=lookup("models/{model}/preprocessor", within=config, default=None),
        language=lookup("models/{model}/language", within=config, default=None),
        tokenizer=lookup("models/{model}/tokenizer", within=config, default=None),
    script:
        "../../scripts/fetch_checkpoint.py"


rule import_checkpoint:
    """Check and copy a local Hugging Face folder, or that of one step of a training run."""
    input:
        files=get_local_checkpoint,
    output:
        manifest="resources/checkpoints/{model}/{step}/manifest.json",
    log:
        "logs/import_checkpoint/{model}/{step}.log",
    wildcard_constraints:
        model=get_names("models", "folder"),
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        code=code_of("import_checkpoint"),
        source=get_local_folder,
        head=lookup("models/{model}/head", within=config, default=None),
        preprocessor=lookup("models/{model}/preprocessor", within=config, default=None),
        language=lookup("models/{model}/language", within=config, default=None),
    script:
        "../../scripts/import_checkpoint.py"


rule initialise_checkpoint:
    """Initialise the untrained control of a pre-trained model: same architecture, random weights."""
    input:
        like=get_trained_checkpoint,
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
    """Train, fetch or import all checkpoints of the study."""
    input:
        [
            f"resources/checkpoints/{name}/{step}/manifest.json"
            for name, model in config["models"].items()
            if model["source"] not in WITHOUT_CHECKPOINTS
            for step in steps_of(name, model)
        ],
