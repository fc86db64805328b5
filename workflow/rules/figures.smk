"""
The figures of each family, drawn from the collected tables of its analysis: a slide with the finding, and all details.

required inputs:  the tables named in FIGURE_TABLES, and the manifests of the corpora and checkpoints analysed
outputs:          results/figures/{family}.pdf .svg .png, its table (.csv), provenance (.json) and caption (.rst);
                  results/figures/{family}-details.pdf, and its pages as pictures in a folder of that name
"""

PART_OF = {name: part for part, names in parts().items() for name in names}


def describe_in_report(family, form):
    """Return what Snakemake's report shows of a figure: caption, part of the talk, title, and slide or details."""
    return {
        # Written by the rule itself, since it states findings computed from the tables.
        "caption": Path(f"results/figures/{family}.rst").absolute(),
        "category": PART_OF[family],
        "labels": {"figure": get_figure(family)["title"], "form": form},
    }


# One rule per family, since families differ in their tables.
for family, tables in FIGURE_TABLES.items():

    rule:
        """Draw the figures of a family from its collected tables."""
        name:
            f"figure_{family}"
        input:
            **tables,
            corpora=get_corpora(family),
            checkpoints=get_checkpoints(family),
            caption_template=source(f"workflow/report/{family}.rst"),
            style=source("src/auscult/figures/auscult.mplstyle"),
            slide_style=source("src/auscult/figures/slide.mplstyle"),
        output:
            pdf=f"results/figures/{family}.pdf",
            svg=report(
                f"results/figures/{family}.svg",
                **describe_in_report(family, "slide"),
            ),
            png=f"results/figures/{family}.png",
            table=f"results/figures/{family}.csv",
            provenance=f"results/figures/{family}.json",
            caption=f"results/figures/{family}.rst",
            details=report(
                f"results/figures/{family}-details.pdf",
                **describe_in_report(family, "all details"),
            ),
            pages=directory(f"results/figures/{family}-details"),
        log:
            f"logs/figures/{family}.log",
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=code_of(
                "figure", f"analyses.{family}.figure", f"analyses.{family}.headline"
            ),
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
        expand("results/figures/{figure}-details.pdf", figure=config["figures"]),
