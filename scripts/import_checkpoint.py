"""Copy a Hugging Face folder of one's own into the study, checked."""

from pathlib import Path

from auscult.jobs import job
from auscult.models.accessories import check_accessories
from auscult.models.checkpoints import import_checkpoint

with job(snakemake.log[0], snakemake.threads):
    check_accessories(Path(snakemake.params.source))
    import_checkpoint(
        Path(snakemake.output.manifest).parent,
        source=Path(snakemake.params.source),
        head=snakemake.params.head,
        preprocessor=snakemake.params.preprocessor,
        language=snakemake.params.language,
    )
