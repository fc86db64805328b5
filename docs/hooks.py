"""Hooks of the site's build: formulas become MathML, roles in docstrings become links."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):<code>~?([\w.]+)</code>")


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
