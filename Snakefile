# Auscult: all figures of the talk, for the default study or for your own models and corpora.
#
# Paths, always in the order corpus, model, step:
#   resources/corpora/{corpus}/              utterances.parquet, segments.parquet, audio/, manifest.json
#   resources/checkpoints/{model}/{step}/    a Hugging Face folder, manifest.json; step 0 is the untrained model
#   results/activations/{corpus}/{model}/{step}/
#   results/{family}/{corpus}/{model}/{step}.csv, collected in results/{family}/{family}.csv
#   results/figures/{figure}.pdf .svg .png .csv .json
#   results/talk/index.html
#   results/listen/index.html, if the study has a section listen
#
# All rules share one environment, which requirements.lock pins with hashes. No rule therefore names a conda environment,
# which is the only complaint of `snakemake --lint`.
import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.iocontainers import Wildcards
from snakemake.utils import min_version

from auscult.cli.places import StudyPlace
from auscult.cli.progress import expect
from auscult.environment import use_utf8
from auscult.errors import AuscultError

use_utf8()

min_version("9.9")

# Idle threads must not spin: otherwise training is 5 to 20 times slower while any other process is busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Freed memory stays with the process. By default glibc returns every large array to the kernel, which has to clear it
# again: this takes a quarter to a third of a small model's forward pass. Other systems ignore these variables.
for name, n_bytes in {
    "MMAP_THRESHOLD": 2**31,
    "TRIM_THRESHOLD": 2**32,
    "TOP_PAD": 2**26,
}.items():
    os.environ.setdefault(f"MALLOC_{name}_", str(n_bytes))

# A study given by --configfile replaces the default study; by default Snakemake would merge both.
if not workflow.configfiles:

    configfile: Path(workflow.basedir) / "config.yaml"


# An Apptainer image for all jobs, used with --software-deployment-method apptainer.
if "AUSCULT_CONTAINER" in os.environ:

    container: os.environ["AUSCULT_CONTAINER"]


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


if config.get("listen"):

    include: "workflow/rules/listen.smk"


keep_digests(DIGESTS)


onstart:
    keep_owner(config, STUDY_FILE, Path.cwd())
    # Only the progress line (--logger auscult) asks for it.
    expect(
        StudyPlace(STUDY_FILE, Path.cwd(), Path(workflow.basedir), config),
        workflow.dag.needrun_jobs,
    )


localrules:
    all,
    corpora,
    checkpoints,
    figures,


def get_everything(_):
    """Return every file of the study that a rule writes, but for vectors and companions of corpora.

    Snakemake does not rebuild a missing file whose products exist: after a failed analysis, the figure of the run before
    would count as finished. As targets, all files are asked for. Vectors (activations) and companions of corpora are
    not part of what DVC versions: they are made again when a table needs them.
    """
    asked = [*rules.corpora.input, *rules.checkpoints.input, *rules.talk.output]
    if config.get("listen"):
        asked += rules.listen.output
    waiting, found = [str(path) for path in asked], set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        producer = next(
            (rule for rule in workflow.rules if rule.is_producer(path)), None
        )
        if producer is None:
            continue
        wildcards = Wildcards(fromdict=producer.get_wildcards(path))
        found |= {str(output) for output in producer.expand_output(wildcards)[0]}
        waiting += [str(needed) for needed in producer.expand_input(wildcards)[0]]
    remade = ("results/activations/", "resources/companions/")
    return sorted(
        path for path in found if not path.startswith(remade) and "/.parts/" not in path
    )


rule all:
    """Build all corpora, checkpoints, tables and figures of the study, and its pages."""
    default_target: True
    input:
        get_everything,
