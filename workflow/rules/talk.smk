"""
The page that shows every figure of the study with its caption, table and provenance.

required inputs:  results/figures/{figure}.* and workflow/report/{figure}.rst
outputs:          results/talk/index.html; results/talk/metrics.json, the numbers `dvc metrics diff` compares
"""


rule talk:
    """Build the page."""
    input:
        figures=rules.figures.input,
        tables=expand("results/figures/{figure}.csv", figure=config["figures"]),
        captions=[
            source(f"workflow/report/{figure}.rst") for figure in config["figures"]
        ],
        template=source("src/auscult/figures/templates/talk.html.j2"),
        code=library("figures.talk"),
    output:
        page="results/talk/index.html",
        metrics="results/talk/metrics.json",
    log:
        "logs/talk.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figures={name: get_figure(name) for name in config["figures"]},
        study=get_study(),
        models=MODELS,
    script:
        "../../scripts/talk.py"
