"""The workflow as users run it: the smoke study from end to end, reruns after changes, errors, and fresh clones."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from homophone_tables import ROWS, save
from places import ROOT
from auscult.study.families import FAMILIES
from auscult.study.generated import dvc_pipeline, editor_schema
from workflow_runs import ENVIRONMENT, NOWHERE, PROXIES, planned, run, snakemake

TIMIT = ROOT.parent / "shared" / "data" / "timit.zip"
# The workflow sets the threads of its jobs itself and must not inherit the single thread of pytest.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    ENVIRONMENT.pop(variable, None)

pytestmark = pytest.mark.workflow


def test_the_smoke_study_builds_all_figures_and_the_page(smoke):
    config = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())
    for figure in config["figures"]:
        for ending in ("pdf", "svg", "png", "csv", "json"):
            assert (smoke / f"results/figures/{figure}.{ending}").stat().st_size > 0
        assert f'id="{figure}"' in (smoke / "results/talk/index.html").read_text()
    assert len(list((smoke / "results/listen/files").glob("0*.js"))) == 9


def test_a_finished_study_has_nothing_left_to_do(smoke):
    assert "Nothing to be done" in snakemake(smoke, "--dry-run")


def test_the_report_of_snakemake_has_every_figure_with_caption_category_and_labels(smoke, tmp_path):
    snakemake(smoke, "--report", str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text()
    results = json.loads(re.search(r"var results = (\{.*?\});?\n", text, re.S)[1])
    config = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())
    found = {Path(one["name"]).name: one for one in results.values()}
    assert set(found) == {f"{name}{end}" for name in config["figures"] for end in (".svg", "-details.pdf")}
    for name, figure in config["figures"].items():
        for end, form in ((".svg", "slide"), ("-details.pdf", "all details")):
            one = found[f"{name}{end}"]
            assert one["labels"] == {"figure": figure["title"], "form": form}
            assert "Method: docs page" in one["caption"]
            assert one["data_uri"].startswith("data:")
    assert {"Part I: representational analyses", "Part II: feature importance", "Part III: outlook"} <= set(
        json.loads(re.search(r"var categories = (\{.*?\});?\n", text, re.S)[1])
    )


def test_a_deleted_figure_is_rebuilt_alone(built):
    (built / "results/figures/probing.pdf").unlink()
    jobs = planned(snakemake(built, "--dry-run", "results/figures/probing.pdf"))
    assert jobs == {"figure_probing": 1}


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("results/probing/probing.csv", "probing"),
        ("results/probing/english.csv", "probing_run"),
        ("resources/checkpoints/hubert-english/*/manifest.json", "train_model"),
        ("results/figures/tone.svg", "figure_tone"),
        ("results/figures/tone-details.pdf", "figure_tone"),
        ("results/talk/claims.csv", "claims"),
    ],
)
def test_a_deleted_file_of_any_step_is_rebuilt_with_all_that_follows(built, pattern, rule):
    deleted = list(built.glob(pattern))
    assert deleted
    for path in deleted:
        path.unlink()
    jobs = planned(snakemake(built, "--dry-run"))
    assert any(name.startswith(rule) for name in jobs)
    assert {"talk", "all"} <= set(jobs)


def test_one_changed_key_reruns_only_what_depends_on_it(built, changed_study):
    study = changed_study("analyses", "reduction", "n_items", value=300)
    jobs = planned(snakemake(built, "--dry-run", study=study))
    assert set(jobs) == {"reduction_run", "reduction", "figure_reduction", "claims", "talk", "all"}


def test_a_changed_probe_setting_reruns_probing_and_the_abx_comparison_only(built, changed_study):
    study = changed_study("analyses", "probing", "n_resamples", value=300)
    jobs = planned(snakemake(built, "--dry-run", study=study))
    assert set(jobs) == {"probing_run", "probing", "figure_probing", "abx_agreement", "figure_abx", "figure_mixing", "claims", "talk", "all"}


def test_a_changed_title_reruns_no_analysis(built, changed_study):
    study = changed_study("figures", "probing", "title", value="Another title")
    assert set(planned(snakemake(built, "--dry-run", study=study))) == {"figure_probing", "claims", "talk", "all"}


def test_a_corrupted_corpus_is_an_error_before_use(built):
    audio = next((built / "resources/corpora/english/audio").rglob("*.flac"))
    audio.write_bytes(audio.read_bytes()[:-1])
    target = "results/activations/english/mel/final/manifest.json"
    printed = snakemake(built, "--forcerun", target, "--", target, ok=False)
    assert re.search(rf"auscult: expected SHA-256 .*{audio.name}", printed)
    assert "Traceback" not in printed


def test_the_example_in_the_readme_runs(smoke):
    last = str(yaml.safe_load((ROOT / "config.yaml").read_text())["models"]["hubert-english"]["steps"][-1])
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    assert last in example
    example = example.replace(last, "12")
    assert "accuracy" in run(sys.executable, "-c", f"{example}\nprint(*table.metric)", cwd=smoke)


def test_a_study_without_a_name_is_not_merged_with_the_default_one(tmp_path):
    config = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())
    del config["study"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    printed = snakemake(tmp_path, "--dry-run", study=tmp_path / "study.yaml", ok=False)
    assert "auscult: expected key 'study' in the study" in printed


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (
            ("models", "own"),
            {"source": "folder", "path": "no/such"},
            "expected a folder at models: own: path, found none",
        ),
        (
            ("corpora", "own"),
            {"source": "folder", "reader": "textgrid", "path": "x"},
            "expected a folder at corpora: own",
        ),
        (
            ("analyses", "similarity", "references", "own"),
            {"space": "vectors", "path": "no.vec"},
            "expected a file at analyses: similarity: references: own: path, found none at",
        ),
        (
            ("corpora", "english", "languages"),
            ["engish"],
            "expected languages among dutch, english, english-first-person, english-reading, french, french-homophones, "
            "mandarin in corpora: english, found 'engish'",
        ),
    ],
)
def test_missing_folders_files_and_lexicons_are_reported_before_anything_runs(tmp_path, changed_study, keys, value, message):
    printed = snakemake(tmp_path, "--dry-run", study=changed_study(*keys, value=value), ok=False)
    assert f"auscult: {message}" in printed
    assert "Traceback" not in printed


def test_a_file_of_word_vectors_is_found_beside_the_study_and_is_an_input(tmp_path, changed_study):
    (tmp_path / "words.vec").write_text("1 2\nthe 0 1\n")
    reference = {"tier": "word", "space": "vectors", "path": "words.vec"}
    study = changed_study("analyses", "similarity", "references", "own", value=reference)
    (tmp_path / "elsewhere").mkdir()
    printed = snakemake(tmp_path / "elsewhere", "--dry-run", "results/similarity/english/mel/final.csv", study=study)
    inputs = re.search(r"rule similarity_run:\s+input: (.*)", printed)[1]
    assert "../words.vec" in inputs.split(", ")


def test_a_misspelt_key_is_reported_in_one_line_without_traceback(tmp_path, changed_study):
    printed = snakemake(tmp_path, "--dry-run", study=changed_study("analysis", value={}), ok=False)
    assert "auscult: unknown key 'analysis' in the study (did you mean 'analyses'?)" in printed
    assert "Traceback" not in printed


def test_the_study_of_published_models_is_planned_without_a_network(tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", study="studies/published.yaml"))
    assert (jobs["download_corpus"], jobs["download_alignments"], jobs["import_archive"]) == (5, 2, 5)
    # Six models with one checkpoint, two runs with 9, three with 32 and three with 10. The last six publish their
    # untrained models.
    assert (jobs["fetch_checkpoint"], jobs["initialise_checkpoint"]) == (6 + 2 * 9 + 3 * 32 + 3 * 10, 8)
    assert (jobs["tone_run"], jobs["encoding_sweep"], jobs["syntax_run"]) == (2, 5, 12)
    # Two recognisers, trained and untrained, and log-mel.
    assert jobs["scrubbing_run"] == 2 * 2 + 1
    # Three models, trained and untrained, and log-mel.
    assert jobs["disentangling_run"] == jobs["disentangling_latents"] == 2 * 3 + 1
    assert all(jobs[f"figure_{name}"] == 1 for name in ("tone", "encoding", "syntax", "scrubbing", "probing", "abx"))


def test_the_study_of_homophones_is_planned_without_a_network(tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", study="studies/homophones.yaml"))
    assert (jobs["fetch_checkpoint"], jobs["initialise_checkpoint"], jobs["download_corpus"]) == (2, 2, 1)
    assert (jobs["mixing_run"], jobs["figure_mixing"], jobs["figure_probing"]) == (4, 1, 1)


def test_the_study_of_syntactic_regularisation_is_planned(tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", study="studies/suppression.yaml"))
    trained = [name for name in jobs if name.startswith("train_language_model")]
    assert (len(trained), jobs["syntax_run"], jobs["figure_syntax"], jobs["write_text_corpus"]) == (8, 8, 1, 1)
    assert not [name for name in jobs if name.startswith(("synthesise", "extract", "train_model"))]


def test_the_study_of_more_seeds_is_planned(tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run", study="studies/long.yaml"))
    kinds = [name for name in jobs if name.startswith("train_translators")]
    # Six kinds of translators, and their baseline.
    assert (len(kinds), jobs["translation_baseline"]) == (6, 1)
    assert all(jobs[f"figure_{name}"] == 1 for name in ("encoding", "scrubbing", "translation"))


def test_the_study_of_intents_is_planned_once_its_corpus_exists(tmp_path):
    config = yaml.safe_load((ROOT / "studies/intents.yaml").read_text())
    config["corpora"]["commands"]["path"] = "commands"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    missing = snakemake(tmp_path, "--dry-run", study=tmp_path / "study.yaml", ok=False)
    assert "auscult: expected a folder at corpora: commands: path, found none at commands" in missing
    (tmp_path / "commands").mkdir()
    jobs = planned(snakemake(tmp_path, "--dry-run", study=tmp_path / "study.yaml"))
    assert (jobs["import_folder"], jobs["fetch_checkpoint"]) == (1, 3)
    for slot in ("action", "object", "location"):
        assert jobs[f"attribution_commands_intent_{slot}"] == jobs[f"reliability_commands_intent_{slot}"] == 1
    assert (jobs["reliability_task"], jobs["figure_reliability"]) == (3, 1)


def test_the_study_of_published_translators_is_planned_once_must_she_exists(tmp_path):
    config = yaml.safe_load((ROOT / "studies/must-she.yaml").read_text())
    config["corpora"]["must-she"]["path"] = "she"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    missing = snakemake(tmp_path, "--dry-run", study=tmp_path / "study.yaml", ok=False)
    assert "auscult: expected a folder at corpora: must-she: path, found none at she" in missing
    (tmp_path / "she").mkdir()
    jobs = planned(snakemake(tmp_path, "--dry-run", study=tmp_path / "study.yaml"))
    assert (jobs["import_folder"], jobs["fetch_checkpoint"], jobs["initialise_checkpoint"]) == (1, 2, 2)
    assert (jobs["translation_run"], jobs["translation_baseline"], jobs["figure_translation"]) == (2, 1, 1)


def test_a_dataset_of_one_parquet_file_is_imported_from_a_mirror(tmp_path):
    save(tmp_path / "mirror", ROWS, name="train-00000-of-00001.parquet")
    manifest = "resources/corpora/homophones/manifest.json"
    mirror = f"file://{tmp_path / 'mirror'}"
    snakemake(tmp_path, "--", manifest, study="studies/homophones.yaml", AUSCULT_MIRRORS=mirror)
    files = json.loads((tmp_path / manifest).read_text())["files"]
    assert sum(name.endswith(".flac") for name in files) == len(ROWS)


def test_an_unreachable_hub_model_is_left_out_only_on_request_and_with_a_warning(tmp_path):
    nowhere = f"hub_endpoint={NOWHERE}"
    both = snakemake(tmp_path, "--dry-run", "--config", nowhere, study="studies/timit.yaml")
    assert planned(both)["fetch_checkpoint"] == 1
    left = snakemake(
        tmp_path, "--dry-run", "--config", nowhere, "hub_unreachable=leave-out", study="studies/timit.yaml"
    )
    assert "fetch_checkpoint" not in planned(left)
    assert "left out model wav2vec2-base: the hub cannot be reached" in left


def test_every_job_has_resources_with_the_cluster_profile(tmp_path):
    printed = snakemake(tmp_path, "--profile", str(ROOT / "profiles/slurm"), "--dry-run")
    resources = re.findall(r"^    resources: (.*)$", printed, re.M)
    assert len(resources) > 20
    assert all("mem_mb=" in line and "runtime=" in line for line in resources)


@pytest.mark.skipif(not TIMIT.is_file(), reason="the TIMIT sample is not in ../shared/data")
def test_the_timit_sample_is_imported_from_a_mirror(tmp_path):
    manifest = "resources/corpora/timit/manifest.json"
    snakemake(tmp_path, "--", manifest, study="studies/timit.yaml", AUSCULT_MIRRORS=f"file://{TIMIT.parent}")
    files = json.loads((tmp_path / manifest).read_text())["files"]
    assert sum(name.endswith(".flac") for name in files) == 64


def test_every_target_of_dvc_is_a_target_of_snakemake(smoke):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    targets = snakemake(smoke, "--list-target-rules").split()
    for name, stage in stages.items():
        assert stage["cmd"].split()[-1] == name
        assert name in targets
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            assert all(options["persist"] for options in out.values())


def clone_of(smoke, folder):
    """Copy the repository with the built smoke study as its default study, and mark all files as up to date."""
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    shutil.copy2(ROOT / "studies/smoke.yaml", folder / "config.yaml")
    shutil.copytree(smoke, folder, copy_function=shutil.copy2, dirs_exist_ok=True)
    run("snakemake", "--cores", "2", "--touch", "--forceall", "--quiet", "all", cwd=folder)
    return folder


def test_editing_comments_of_the_training_code_plans_no_job_and_a_new_constant_plans_training_and_dependents(smoke, tmp_path):
    clone = clone_of(smoke, tmp_path / "clone")
    code = clone / "src" / "auscult" / "models" / "training" / "pretrainer.py"
    source = {"PYTHONPATH": str(clone / "src")}
    commented = re.sub(r'^"""', '"""A longer docstring. ', code.read_text()) + "# a comment\n"
    code.write_text(commented)
    script = clone / "scripts" / "train_model.py"
    script.write_text("# another comment\n" + script.read_text())
    assert "Nothing to be done" in run("snakemake", "--dry-run", "--cores", "2", cwd=clone, **source)
    code.write_text(commented + "\n_ONE_MORE = 1\n")
    jobs = planned(run("snakemake", "--dry-run", "--cores", "2", cwd=clone, **source))
    assert {"train_model_hubert_english", "probing_run", "figure_probing", "talk"} <= set(jobs)
    assert not [name for name in jobs if name.startswith(("synthesise", "write_text"))]


def test_dvc_pull_in_a_fresh_clone_leaves_nothing_to_do(smoke, tmp_path):
    first, clone, remote = clone_of(smoke, tmp_path / "first"), tmp_path / "clone", tmp_path / "remote"
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.org")
    run(*git, "init", "--quiet", cwd=first)
    run("dvc", "commit", "--force", "--quiet", cwd=first)
    assert "Stage 'talk' didn't change" in run("dvc", "repro", cwd=first)
    run("dvc", "remote", "add", "--default", "store", str(remote), cwd=first)
    run("dvc", "push", "--quiet", cwd=first)
    run(*git, "add", "--all", cwd=first)
    run(*git, "commit", "--quiet", "--message", "results", cwd=first)

    run(*git, "clone", "--quiet", str(first), str(clone))
    run("dvc", "pull", "--quiet", cwd=clone)
    assert "up to date" in run("dvc", "status", cwd=clone)
    run("snakemake", "--cores", "2", "--touch", "--forceall", "--quiet", "all", cwd=clone)
    assert "Nothing to be done" in run("snakemake", "--dry-run", "--cores", "2", cwd=clone)


def test_snakemake_lint_only_complains_about_missing_conda_environments():
    advice = re.findall(r"^ {4}\* (.*)$", run("snakemake", "--lint", ok=False), re.M)
    # Path functions stand above the rules that use them, where a reader looks for them.
    expected = {
        "Specify a conda environment or container for each rule.:",
        "Mixed rules and functions in same snakefile.:",
    }
    # An optional variable cannot be asserted, and a part of a relative path in an f-string is no absolute path.
    mistaken = ("Environment variable AUSCULT_CONTAINER ", 'Absolute path "/{wildcards.corpus}/", f"')
    assert {line for line in advice if not line.startswith(mistaken)} == expected


def test_an_input_function_that_may_return_nothing_returns_a_list():
    """Scripts iterate over such inputs: over a single path they would iterate letter by letter."""
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for source in re.findall(r"^def .*?(?=^\S)", path.read_text(), re.M | re.S):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.IfExp) and ast.unparse(node.orelse) == "[]":
                    assert isinstance(node.body, ast.List | ast.ListComp), f"{path.name}: {ast.unparse(node)}"


def test_style_of_workflow_and_code_is_clean():
    run("snakefmt", "--check", "Snakefile", "workflow")
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("codespell", ".")


def test_imports_follow_their_contracts():
    run("lint-imports", "--no-cache")


def test_types_are_clean():
    run("mypy")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_all_of_its_files(family):
    drawers = (
        *(f"src/auscult/analyses/{family}/{part}.py" for part in ("family", "settings", "analysis", "figure")),
        f"tests/analyses/{family}/test_{family}.py",
        f"tests/analyses/{family}/test_{family}_figure.py",
        f"workflow/rules/{family}.smk",
        f"scripts/{family}.py",
        f"workflow/report/{family}.rst",
        f"docs/families/{family}.md",
    )
    assert [drawer for drawer in drawers if not (ROOT / drawer).is_file()] == []


def test_every_package_of_analyses_and_every_page_is_of_a_family():
    packages = {path.parent.name for path in (ROOT / "src/auscult/analyses").glob("*/__init__.py")}
    pages = {path.stem for path in (ROOT / "docs/families").glob("*.md")}
    assert packages == pages == set(FAMILIES)


@pytest.mark.parametrize("path", ["config.yaml", *(f"studies/{path.name}" for path in (ROOT / "studies").glob("*.yaml"))])
def test_every_study_names_its_schema_for_editors(path):
    schema = "workflow/schemas/config.schema.yaml"
    first = (ROOT / path).read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={schema if path == 'config.yaml' else f'../{schema}'}"


def test_generated_files_agree_with_the_families():
    base = yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text())
    assert (ROOT / "workflow/schemas/config.schema.yaml").read_text() == editor_schema(base), "run `make generated`"
    assert (ROOT / "dvc.yaml").read_text() == dvc_pipeline(), "run `make generated`"

