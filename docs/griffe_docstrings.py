"""Docstrings of this project describe a parameter behind its name; its type is in the signature.

numpydoc expects a type there. This extension moves descriptions to where a parser looks for them.
"""

import re

import griffe

_SECTION = re.compile(r"^(Parameters|Attributes|Returns|Yields)\n-+$")
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.+)$")


def described(docstring: str) -> str:
    """Return a docstring with each description below the name that it belongs to."""
    lines, inside, done = docstring.splitlines(), "", []
    for place, line in enumerate(lines):
        section = _SECTION.match("\n".join(lines[place : place + 2]))
        if section:
            inside = section[1]
        elif re.match(r"^-+$", "".join(lines[place + 1 : place + 2])):
            inside = ""
        entry = _ENTRY.match(line) if inside else None
        if entry:
            done += [f"{entry[1]} :" if inside in ("Returns", "Yields") else entry[1], f"    {entry[2]}"]
        else:
            done.append(line)
    return "\n".join(done)


class Descriptions(griffe.Extension):
    """Apply :func:`described` to every docstring."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = described(obj.docstring.value)
