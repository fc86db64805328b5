"""
The listening page: utterances that can be heard, with what each layer makes of them.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json; for the lane
                  attribution results/attribution/scores.parquet
outputs:          results/listening/{corpus}.json, the lanes of the chosen utterances; results/listen/index.html with its files
"""


def get_listeners(wildcards):
    """Return the manifests of the checkpoints that listen to a corpus."""
    return [
        f"{get_folder(model, step)}/manifest.json"
        for model, step in listening_runs(config, wildcards.corpus)
        if config["models"][model]["source"] != "acoustic"
    ]


def get_listening_runs(wildcards):
    """Return name, step, label and place of the checkpoints that listen to a corpus."""
    return [
        {
            "model": model,
            "step": step,
            "label": config["models"][model]["label"],
            "features": config["models"][model].get("features"),
            "checkpoint": (
                None
                if config["models"][model]["source"] == "acoustic"
                else get_folder(model, step)
            ),
        }
        for model, step in listening_runs(config, wildcards.corpus)
    ]


def get_attributions(wildcards):
    """Return the scores of attribution, if a lane shows them."""
    lanes = config["listen"][wildcards.corpus]["lanes"]
    return ["results/attribution/scores.parquet"] if "attribution" in lanes else []


rule listening_lanes:
    """Choose utterances of one corpus, and compute what each layer makes of them."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoints=get_listeners,
        attributions=get_attributions,
    output:
        lanes="results/listening/{corpus}.json",
    log:
        "logs/listening/{corpus}.log",
    benchmark:
        "logs/benchmarks/listening/{corpus}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=get_gpus(),
    params:
        code=code_of("listening_lanes"),
        runs=get_listening_runs,
        settings=lambda wildcards: config["listen"][wildcards.corpus],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/listening_lanes.py"


rule listen:
    """Build the listening page."""
    input:
        lanes=expand("results/listening/{corpus}.json", corpus=config["listen"]),
        corpora=expand(
            "resources/corpora/{corpus}/manifest.json", corpus=config["listen"]
        ),
        template=source("src/auscult/listening/page/listen.html.j2"),
        style=source("src/auscult/listening/page/listen.css"),
        program=source("src/auscult/listening/page/listen.js"),
    output:
        page="results/listen/index.html",
        files=directory("results/listen/files"),
    log:
        "logs/listen.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("listen"),
        study=get_study(),
    script:
        "../../scripts/listen.py"
