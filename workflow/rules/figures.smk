"""
One figure per family, drawn from the collected tables of its analysis.

required inputs:  the tables named in FIGURE_TABLES, and the manifests of the corpora and checkpoints analysed
outputs:          results/figures/{family}.pdf .svg .png, its table (.csv), provenance (.json) and caption (.rst)
"""

# One rule per family, since families differ in their tables.
for family, tables in FIGURE_TABLES.items():

    rule:
        """Draw the figure of a family from its collected tables."""
        name:
            f"figure_{family}"
        input:
            **tables,
            corpora=get_corpora(family),
            checkpoints=get_checkpoints(family),
            caption_template=source(f"workflow/report/{family}.rst"),
            style=source("src/auscult/figures/auscult.mplstyle"),
        output:
            pdf=report(
                f"results/figures/{family}.pdf",
                # Written by this rule, since it states findings computed from the tables.
                caption=Path(f"results/figures/{family}.rst").absolute(),
                category=family,
            ),
            svg=f"results/figures/{family}.svg",
            png=f"results/figures/{family}.png",
            table=f"results/figures/{family}.csv",
            provenance=f"results/figures/{family}.json",
            caption=f"results/figures/{family}.rst",
        log:
            f"logs/figures/{family}.log",
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=code_of("figure", f"analyses.{family}.figure"),
            tables=list(tables),
            figure=get_figure(family),
            study=get_study(),
            models=MODELS,
        script:
            "../../scripts/figure.py"


rule figures:
    """Draw all figures of the study."""
    input:
        expand(
            "results/figures/{figure}.{ending}",
            figure=config["figures"],
            ending=["pdf", "svg", "png", "csv", "json", "rst"],
        ),
