"""Hooks of the site's build: tables of settings and the gallery are written, formulas become MathML, roles links."""

import html
import re
from pathlib import Path

from latex2mathml.converter import convert

from auscult.listening.settings import ListenSettings
from auscult.settings import setting_rows
from auscult.study.families import FAMILIES, get_family, parts

_GALLERY = Path(__file__).parent / "gallery"

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):<code>~?([\w.]+)</code>")


def on_config(config):
    """List the page of every family under its part of the talk."""
    for entry in config["nav"]:
        if "Figures" in entry:
            entry["Figures"] = [
                {part.partition(": ")[2].capitalize(): [f"families/{name}.md" for name in families]}
                for part, families in parts().items()
            ]
    return config


def on_page_markdown(markdown: str, *, page, **_) -> str:
    """Return a page with the picture and the settings of its family, and the start page with the gallery."""
    family = Path(page.file.src_uri).stem
    if family in FAMILIES:
        picture = f"![The figure of {family}](../gallery/{family}.png)" if _drawn(family) else ""
        markdown = markdown.replace("<!-- figure -->", picture)
        markdown = markdown.replace("<!-- settings -->", _settings(family))
    if "<!-- settings: listen -->" in markdown:
        table = f"Keys under `listen: {{corpus}}:`.\n\n{_table(ListenSettings)}"
        markdown = markdown.replace("<!-- settings: listen -->", table)
    return markdown.replace("<!-- gallery -->", _gallery())


def _drawn(family: str) -> bool:
    return (_GALLERY / f"{family}.png").is_file()


def _settings(family: str) -> str:
    table = _table(get_family(family).settings)
    return f"Keys under `analyses: {family}:`, beside `models` and `corpora`.\n\n{table}"


def _table(settings: type) -> str:
    rows = ["| setting | values | default | meaning |", "|---|---|---|---|"]
    for row in setting_rows(settings):
        cells = (f"`{row.name}`", row.type, f"`{row.default}`" if row.default else "", row.description)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _gallery() -> str:
    lines = []
    for part, families in parts().items():
        lines += [f"### {part}", "", '<div class="gallery" markdown>']
        for name in filter(_drawn, families):
            lines.append(f"[![{name}](gallery/{name}.png){{ loading=lazy }}<br>{name}](families/{name}.md)")
        lines += ["</div>", ""]
    return "\n".join(lines)


def on_page_content(content: str, *, page, **_) -> str:
    """Return a page with MathML, which browsers draw without a script, and with links in place of Sphinx's roles.

    Raises
    ------
    ValueError
        A formula has a command that is not known.
    """

    def draw(found: re.Match) -> str:
        formula = html.unescape(found[2]).strip()
        drawn = convert(formula, display="block" if found[1] == "div" else "inline")
        if "\\" in drawn or "<mi>&</mi>" in drawn:
            raise ValueError(f"expected LaTeX that latex2mathml supports in {page.file.src_uri}, found {formula!r}")
        return drawn

    # Names that no page documents stay plain code.
    linked = _ROLE.sub(r'<autoref identifier="\1" optional><code>\1</code></autoref>', content)
    return _FORMULA.sub(draw, linked)
