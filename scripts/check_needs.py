"""Check that an imported corpus has what the analyses of the study need of it; list what they will leave out."""

from pathlib import Path

from auscult.corpora.corpus import read_corpus
from auscult.corpora.text import read_text_corpus
from auscult.jobs import job
from auscult.needs import check_needs
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    needs = snakemake.params.needs
    read = read_text_corpus if needs["text"] else read_corpus
    others = {name: read_corpus(Path(path).parent) for name, path in zip(needs["others"], snakemake.input.others)}
    write_table(check_needs(read(Path(snakemake.input.corpus).parent), needs, others), snakemake.output.table)
