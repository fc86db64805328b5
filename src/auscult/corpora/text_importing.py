"""Import of published text corpora into the sealed tables that analyses of language models read."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.readers.blimp import read_blimp
from auscult.corpora.readers.conllu import read_conllu
from auscult.corpora.text import PAIRS, SENTENCES, WORDS
from auscult.manifests import Manifest, build_folder, check_folder
from auscult.tables import write_table

__all__ = ["TEXT_READERS", "import_text"]

TEXT_READERS: dict[str, Callable[..., dict[str, pd.DataFrame]]] = {"conllu": read_conllu, "blimp": read_blimp}
_log = logging.getLogger(__name__)


def import_text(
    folder: str | Path,
    tables: Mapping[str, pd.DataFrame],
    *,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str] | None = None,
) -> Manifest:
    """Write the tables of a reader as a sealed text corpus.

    Parameters
    ----------
    folder : the corpus folder to write
    tables : tables of sentences, words or pairs, by file name
    recipe : arguments that the corpus was made with; its entry ``corpus`` is written into the tables
    parents : manifest digests of the folders that the source was made from
    """
    with build_folder(folder, recipe, parents) as partial:
        for name, table in tables.items():
            write_table(table.assign(corpus=recipe["corpus"]) if "corpus" in table else table, partial / name)
    sizes = {SENTENCES: "sentences", WORDS: "words", PAIRS: "minimal pairs"}
    counted = ", ".join(f"{len(tables[name])} {what}" for name, what in sizes.items() if name in tables)
    _log.info("corpus %r: %s", recipe["corpus"], counted)
    return check_folder(folder)
