"""Study files: repeated keys are refused with both places, merges keep working, unreadable files give one line."""

import re

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.study.reading import check_file, read_study


@pytest.fixture
def write(tmp_path):
    def save(text, name="study.yaml", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return save


def test_a_repeated_key_is_refused_with_its_place_and_both_lines(write):
    path = write("models:\n  mel: {source: acoustic}\n  f0:\n    source: acoustic\n  mel: {source: hub}\n")
    with pytest.raises(ConfigError, match=r"found 'mel' in models in lines 2 and 5; join or rename"):
        read_study(path)


def test_all_repeated_keys_are_reported_at_once(write):
    path = write("study: a\nmodels:\n  x: 1\n  x: 2\n  x: 3\nstudy: b\n")
    with pytest.raises(ConfigError, match=r"found 'study' in lines 1 and 6; 'x' in models in lines 3, 4 and 5;"):
        read_study(path)


@pytest.mark.parametrize(
    "text", ["steps: {1000: a, '1000': b}\n", "steps:\n  true: a\n  yes: b\n", "a: [{x: 1, x: 2}]\n"]
)
def test_keys_that_are_equal_as_text_are_repeated_and_lists_are_searched(write, text):
    with pytest.raises(ConfigError, match="expected every key once"):
        check_file(write(text))


def test_merges_with_overrides_and_aliases_work(write):
    path = write(
        "base: &base {source: trained, steps: [0, 10], label: a}\nmore: &more {label: c}\n"
        "own:\n  <<: *base\n  label: b\nboth: {<<: [*base, *more]}\nsame: *base\n"
    )
    assert read_study(path)["own"] == {"source": "trained", "steps": [0, 10], "label": "b"}


def test_a_key_repeated_beside_a_merge_is_refused(write):
    path = write("base: &base {label: a}\nown:\n  <<: *base\n  label: b\n  label: c\n")
    with pytest.raises(ConfigError, match="'label' in own in lines 4 and 5"):
        read_study(path)


def test_json_is_read_and_its_repeated_keys_are_refused(write):
    assert read_study(write('{\n\t"study": "a"\n}', "study.json")) == {"study": "a"}
    with pytest.raises(ConfigError, match="found 'study' twice"):
        read_study(write('{\n\t"study": "a",\n\t"study": "b"\n}', "study.json"))


@pytest.mark.parametrize("study", ["config.yaml", "studies/published.yaml", "studies/smoke.yaml"])
def test_the_studies_of_the_repository_are_read_as_yaml_reads_them(study):
    assert read_study(ROOT / study) == yaml.safe_load((ROOT / study).read_text())


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        ("study: caf\u00e9\n", "latin-1", r"found byte 0xe9 at position 10, which is not UTF-8; save"),
        (
            "study: [a\nmodels: b\n",
            "utf-8",
            r"expected valid YAML in .*, found in line 2, column 7: .+; correct",
        ),
        ("study: !python/name:os.system\n", "utf-8", r"expected valid YAML in .*line 1"),
        ("- a\n- b\n", "utf-8", r"expected the keys of a study in .*, found \['a', 'b'\]"),
        ("", "utf-8", "found nothing"),
        ("a: 1\n---\nb: 2\n", "utf-8", "expected valid YAML"),
    ],
)
def test_a_file_that_is_not_a_study_is_one_clear_line(write, text, encoding, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_study(write(text, encoding=encoding))
    assert not re.search(r"\n", str(caught.value))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a study file at .*no.yaml, found: No such file"):
        read_study(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="found: Is a directory"):
        read_study(tmp_path)
