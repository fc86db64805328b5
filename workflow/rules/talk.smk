"""
The page with all figures of the study, their captions, tables and provenance.

required inputs:  results/figures/{figure}.*, including captions
outputs:          results/talk/index.html with its files, and mail.html, the same in a single file; results/talk/claims.csv and .txt, the verdicts on the claims of the talk;
                  results/talk/metrics.json, the numbers that `dvc metrics diff` compares
"""


rule claims:
    """Judge the claims of the talk by the tables of the figures."""
    input:
        tables=expand("results/figures/{figure}.csv", figure=config["figures"]),
        claims=source("src/auscult/claims/catalogue.yaml"),
    output:
        table="results/talk/claims.csv",
        text="results/talk/claims.txt",
    log:
        "logs/claims.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("claims"),
    script:
        "../../scripts/claims.py"


rule talk:
    """Build the page with all figures."""
    input:
        figures=rules.figures.input,
        tables=expand("results/figures/{figure}.csv", figure=config["figures"]),
        claims=rules.claims.output.table,
        template=source("src/auscult/figures/page/talk.html.j2"),
        style=source("src/auscult/figures/page/talk.css"),
        programs=[
            source(f"src/auscult/figures/page/{name}")
            for name in ("talk.js", "charts.js", "vega")
        ],
    output:
        page="results/talk/index.html",
        mail="results/talk/mail.html",
        files=directory("results/talk/files"),
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
        models=MODELS,
        charts=charts(),
        study=get_study(),
    script:
        "../../scripts/talk.py"
