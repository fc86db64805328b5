"""Files generated from the declarations of the families: the schema for editors and the stages of DVC."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from auscult.family import Family
from auscult.study.families import families
from auscult.study.schema import build_schema

__all__ = ["editor_schema", "dvc_pipeline", "write_generated"]

_CODE = ["config.yaml", "Snakefile", "workflow", "scripts", "src/auscult"]
_MADE = ["resources/corpora", "resources/checkpoints"]
_SCHEMA_HEAD = """\
# Written by `make generated` from study.schema.yaml and the settings of each family; edit those.
# Editors read this file: the first line of every study names it.
"""
_DVC_HEAD = """\
# Written by `make generated` from the families of auscult.study.families. DVC records which bytes belong to this
# commit; Snakemake makes them: each stage is the Snakemake target of its name. Every stage depends on all code:
# Snakemake then finds in seconds what really has to be done.
"""


def editor_schema(base: Mapping[str, Any]) -> str:
    """Return the schema of a study as YAML, for editors with a YAML language server.

    Parameters
    ----------
    base : schema of everything but analyses and figures, as in :func:`auscult.study.schema.build_schema`
    """
    return _SCHEMA_HEAD + _dump(build_schema(base))


def dvc_pipeline() -> str:
    """Return ``dvc.yaml``: corpora, checkpoints, one stage per family, figures and the page."""
    names = [family.name for family in families()]
    stages = {
        "corpora": _stage("corpora", "Synthesised, fetched and imported corpora.", [], ["resources/corpora"]),
        "checkpoints": _stage(
            "checkpoints",
            "Trained, fetched and untrained models, with their loss curves.",
            ["resources/corpora"],
            ["resources/checkpoints", "results/training", "results/finetuning"],
        ),
        **{family.name: _family_stage(family) for family in families()},
        "figures": _stage(
            "figures",
            "Every figure with its table, caption and provenance.",
            [f"results/{name}" for name in names],
            ["results/figures"],
        ),
        "listen": _stage(
            "listen",
            "The listening page.",
            [*_MADE, "results/attribution"],
            ["results/listening", "results/listen"],
        ),
        "talk": _stage(
            "talk",
            "The page, and the numbers that `dvc metrics diff` compares.",
            ["results/figures"],
            [f"results/talk/{name}" for name in ("index.html", "mail.html", "files", "claims.txt")],
            kept_by_git=["results/talk/claims.csv"],
        )
        | {"metrics": [{"results/talk/metrics.json": {"cache": False, "persist": True}}]},
    }
    return _DVC_HEAD + _dump({"stages": stages})


def write_generated(root: Path) -> None:
    """Write ``dvc.yaml`` and the editors' schema into a repository.

    Parameters
    ----------
    root : folder of the repository
    """
    schemas = root / "workflow" / "schemas"
    base = yaml.safe_load((schemas / "study.schema.yaml").read_text(encoding="utf-8"))
    (schemas / "config.schema.yaml").write_text(editor_schema(base), encoding="utf-8")
    (root / "dvc.yaml").write_text(dvc_pipeline(), encoding="utf-8")


def _family_stage(family: Family) -> dict[str, Any]:
    needs = [*_MADE, *(f"results/{name}" for name in family.needs)]
    return _stage(family.name, family.description, needs, [f"results/{family.name}"])


def _stage(
    name: str, description: str, needs: list[str], makes: list[str], kept_by_git: Sequence[str] = ()
) -> dict[str, Any]:
    small = [{path: {"cache": False, "persist": True}} for path in kept_by_git]
    return {
        "desc": description,
        "cmd": f"snakemake --cores all --quiet all -- {name}",
        "deps": [*_CODE, *needs],
        "outs": [*({path: {"persist": True}} for path in makes), *small],
    }


def _dump(value: Any) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=140)
    return text


if __name__ == "__main__":
    write_generated(Path.cwd())
