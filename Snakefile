# Auscult: every figure of the talk, or the same questions asked of your own model and corpus.
#
# Result paths, always corpus before model before step:
#   resources/corpora/{corpus}/              utterances.parquet, segments.parquet, audio/, manifest.json
#   resources/checkpoints/{model}/{step}/    a Hugging Face folder, manifest.json; step 0 is the untrained model
#   results/activations/{corpus}/{model}/{step}/
#   results/{family}/{corpus}/{model}/{step}.csv, collected in results/{family}/{family}.csv
#   results/figures/{figure}.pdf .svg .png .csv .json
#   results/talk/index.html
#
# One environment serves every rule: requirements.lock pins and hashes it whole, so no rule names a conda environment
# (the one thing `snakemake --lint` asks for).
import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from auscult.errors import AuscultError

min_version("9.9")

# Threads that wait for work must not spin: beside any other busy process, training is 5 to 20 times slower otherwise.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Memory that a step frees is its own to use again. By default glibc hands every large array back to the kernel, which
# clears it anew: a quarter to a third of the time of a small model's forward pass. Other systems ignore these names.
for name, n_bytes in {
    "MMAP_THRESHOLD": 2**31,
    "TRIM_THRESHOLD": 2**32,
    "TOP_PAD": 2**26,
}.items():
    os.environ.setdefault(f"MALLOC_{name}_", str(n_bytes))

# A study given by --configfile replaces the default one; Snakemake alone would merge the two.
if not workflow.configfiles:

    configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/common.smk"


report: "workflow/report/workflow.rst"


include: "workflow/rules/corpora.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/language_models.smk"
include: "workflow/rules/finetuning.smk"
include: "workflow/rules/translators.smk"
include: "workflow/rules/activations.smk"


for family in config["analyses"]:

    include: f"workflow/rules/{family}.smk"


include: "workflow/rules/figures.smk"
include: "workflow/rules/talk.smk"


keep_digests(DIGESTS)


localrules:
    all,
    corpora,
    checkpoints,
    figures,


rule all:
    """Build every corpus, checkpoint, table and figure of the study, and the page."""
    default_target: True
    input:
        rules.corpora.input,
        rules.checkpoints.input,
        rules.talk.output,
