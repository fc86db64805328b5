"""Folders, files and languages that a study names: relative paths start at its file, and missing ones are errors."""

import re

import pytest

from auscult.errors import ConfigError
from auscult.study.places import check_languages, check_places, local_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of a study file, below the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


def config(corpora=None, models=None, **analyses):
    return {"corpora": corpora or {}, "models": models or {}, "analyses": analyses}


def test_a_path_starts_at_the_study_file_and_is_relative_to_the_working_directory(folder):
    assert local_path({"path": "speech"}, folder) == "studies/speech"
    assert local_path({"path": "../speech"}, folder) == "speech"
    assert local_path({"path": str(folder / "speech")}, folder) == "studies/speech"


def test_a_tilde_stands_for_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent / "home"))
    assert local_path({"path": "~/speech"}, folder) == "home/speech"


@pytest.mark.parametrize("section", ["corpora", "models"])
def test_a_missing_folder_is_an_error_with_its_place_and_path(folder, section):
    wrong = config(**{section: {"own": {"source": "folder", "path": "speech"}}})
    message = (
        f"expected a folder at {section}: own: path, found none at studies/speech; a relative path starts at the "
        "study's file"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_places(wrong, folder)
    (folder / "speech").mkdir()
    check_places(wrong, folder)


def test_a_file_where_a_folder_is_expected_is_an_error(folder):
    (folder / "speech").touch()
    with pytest.raises(ConfigError, match="expected a folder at corpora: own: path, found none at studies/speech"):
        check_places(config({"own": {"source": "folder", "path": "speech"}}), folder)


def test_other_sources_need_no_folder(folder):
    check_places(config({"made": {"source": "synthetic"}}, {"mel": {"source": "acoustic"}}), folder)


def test_a_missing_item_file_is_an_error(folder):
    wrong = config(abx={"targets": {"phone": {}, "triphone": {"items": "triphone.item"}}})
    message = "expected an item file at analyses: abx: targets: triphone: items, found none at studies/triphone.item"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}; a relative path starts at the study's file$"):
        check_places(wrong, folder)
    (folder / "triphone.item").touch()
    check_places(wrong, folder)


def test_a_missing_file_of_word_vectors_is_an_error(folder):
    references = {"mel": {"space": "model"}, "glove": {"space": "vectors", "path": "glove.txt"}}
    wrong = config(similarity={"references": references})
    message = "expected a file at analyses: similarity: references: glove: path, found none at studies/glove.txt"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}; a relative path starts at the study's file$"):
        check_places(wrong, folder)
    (folder / "glove.txt").touch()
    check_places(wrong, folder)


def test_a_language_without_a_lexicon_is_an_error():
    wrong = config({"own": {"source": "synthetic", "languages": ["dutch", "klingon"]}})
    message = (
        "expected languages among english, dutch in corpora: own, found 'klingon'; correct it, or add its lexicon and "
        "rules"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_languages(wrong, ["english", "dutch"], ["english"])
    check_languages(wrong, ["dutch", "klingon"], [])


def test_a_grammar_without_a_lexicon_is_an_error():
    wrong = config({"written": {"source": "text", "grammar": "dutch"}, "recorded": {"source": "folder"}})
    message = (
        "expected a grammar among english, french in corpora: written, found 'dutch'; correct it, or add its lexicon "
        "and rules to lexicons/text"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_languages(wrong, ["dutch"], ["english", "french"])
    check_languages(wrong, [], ["dutch"])
