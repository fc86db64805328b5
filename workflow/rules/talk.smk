"""
The page that shows every figure of the study with its caption, table and provenance.

required inputs:  results/figures/{figure}.*, captions among them
outputs:          results/talk/index.html; results/talk/metrics.json, the numbers `dvc metrics diff` compares
"""


rule talk:
    """Build the page."""
    input:
        figures=rules.figures.input,
        tables=expand("results/figures/{figure}.csv", figure=config["figures"]),
        template=source("src/auscult/figures/templates/talk.html.j2"),
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
        code=code_of("talk"),
        titles={name: entry["title"] for name, entry in config["figures"].items()},
        parts=parts(),
        study=get_study(),
    script:
        "../../scripts/talk.py"
