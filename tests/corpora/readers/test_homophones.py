"""Reader of the homophone dataset, on synthetic tables: rows become utterances, words, cues and scores."""

import logging

import numpy as np
import pandas as pd
import pytest
from homophone_tables import ROWS, row, save
from tiny_models import save_plain, tiny_model

from auscult.activations.derived_columns import add_derived
from auscult.analyses.mixing.analysis import mix_cues
from auscult.analyses.mixing.settings import MixingSettings
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues
from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.homophones import read_homophones
from auscult.errors import ConfigError, CorpusError, LabelError
from auscult.models.checkpoints import import_checkpoint, initialise_checkpoint
from auscult.models.loading import open_model


def read(tmp_path, rows=ROWS):
    (tmp_path / "recordings").mkdir()
    return read_homophones(save(tmp_path / "source", rows), recordings=tmp_path / "recordings")


def bring(tmp_path, rows=ROWS, **settings):
    source = save(tmp_path / "source", rows)
    import_corpus(tmp_path / "c", corpus="homophones", reader="homophones", source=source, **settings)
    return read_corpus(tmp_path / "c")


def test_rows_become_utterances_with_the_cue_of_each_target(tmp_path):
    utterances, segments = read(tmp_path)
    assert utterances["utterance"].tolist() == ["homophone-0000", "homophone-0001", "homophone-0002"]
    assert utterances.loc[0, ["text", "language", "split"]].tolist() == ["On y trouve un aéroport", "french", "test"]
    assert segments["label"].tolist()[:5] == ["on", "y", "trouve", "un", "aéroport"]
    assert segments[["onset", "offset"]].to_numpy()[:2].tolist() == [[1600, 4800], [4800, 8000]]
    table = cues(segments, utterances).drop(columns=["utterance", "other"])
    assert table.to_numpy().tolist() == [
        [2, "VERB", 0, "plural", "trouve"],
        [1, "NOUN", 0, "plural", "chats"],
        [2, "VERB", 0, "plural", "dansent"],
        [1, "NOUN", 0, "singular", "porte"],
    ]
    assert segments["pos"].tolist() == ["PRON", "", "VERB", "", "", "DET", "NOUN", "VERB", "DET", "NOUN", ""]


def test_recordings_as_bytes_and_as_samples_are_the_same_corpus(tmp_path):
    stored = bring(tmp_path / "a")
    decoded = bring(tmp_path / "b", [row("la porte ferme", "la", "porte", seed=3, form="array")])
    waveform = decoded.waveform("homophone-0000")
    assert waveform.shape == (12800,)
    np.testing.assert_allclose(waveform, stored.waveform("homophone-0002"), atol=2 / 32768)


def test_source_stays_as_it_was_and_the_recipe_knows_it(tmp_path):
    corpus = bring(tmp_path)
    assert [path.name for path in (tmp_path / "source").rglob("*") if path.is_file()] == [
        "train-00000-of-00001.parquet"
    ]
    changed = bring(tmp_path / "other", ROWS[:2])
    assert corpus.manifest.recipe["source_sha256"] != changed.manifest.recipe["source_sha256"]


def test_rows_of_one_recording_are_one_utterance_with_several_targets(tmp_path, caplog):
    rows = [row("la porte les murs", "la", "porte", seed=5), row("la porte les murs", "les", "murs", seed=5)]
    with caplog.at_level(logging.INFO):
        utterances, segments = read(tmp_path, rows)
    assert utterances["utterance"].tolist() == ["homophone-0000"]
    assert cues(segments, utterances)[["target_index", "cue_index"]].to_numpy().tolist() == [[1, 0], [3, 2]]
    assert "2 rows, 1 of them of a recording already read" in caplog.text


def test_where_positions_are_not_told_words_are_looked_up_and_the_nearest_cue_counts(tmp_path):
    untold = {"cue_indices": None, "target_indices": None}
    utterances, segments = read(tmp_path, [row("la mer et la porte et la rue", "la", "porte", **untold)])
    assert cues(segments, utterances)[["target_index", "cue_index"]].to_numpy().tolist() == [[4, 3]]


def test_a_target_before_its_cue_and_a_recording_that_goes_on_are_left_out_and_counted(tmp_path, caplog):
    rows = [*ROWS, row("porte la", "la", "porte", seed=6), row("la porte", "la", "porte", seed=7, seconds=5)]
    with caplog.at_level(logging.INFO):
        utterances, segments = read(tmp_path, rows)
    assert len(utterances) == 4
    assert len(cues(segments, utterances)) == 4
    assert "left out: 1 targets without a cue before them, 1 rows with long silence at the end" in caplog.text


def test_a_word_that_ends_a_little_past_the_recording_is_cut(tmp_path):
    utterances, segments = read(tmp_path, [row("la porte ferme", "la", "porte", seconds=0.65)])
    assert segments["offset"].max() == utterances["n_samples"].item() == 10400


def test_number_of_the_targets_is_a_probing_target(tmp_path):
    corpus = bring(tmp_path)
    found = add_derived(corpus.segments, ["noun_number", "verb_number"], segments=corpus.segments).set_index("label")
    assert found["noun_number"].dropna().to_dict() == {"chats": "plural", "porte": "singular"}
    assert found["verb_number"].dropna().to_dict() == {"trouve": "plural", "dansent": "plural"}


@pytest.mark.parametrize("family", ["wav2vec2", "whisper"])
def test_models_in_a_folder_are_scored_on_the_cues_trained_and_untrained(tmp_path, family):
    corpus = bring(tmp_path)
    save_plain(tiny_model(family), tmp_path / "model")
    import_checkpoint(tmp_path / "final", source=tmp_path / "model")
    initialise_checkpoint(tmp_path / "0", like=tmp_path / "final", seed=1)
    shares = []
    for step in ("0", "final"):
        speech, _ = open_model(checkpoint=tmp_path / step)
        _, sentences, _ = mix_cues(
            speech,
            corpus,
            cues(corpus.segments, corpus.utterances),
            corpus="homophones",
            model="m",
            step=step,
            settings=MixingSettings(n_resamples=10),
        )
        assert set(sentences["layer"]) == {"T1", "T2"}
        assert sentences.drop_duplicates(["utterance", "target_index"])["target"].tolist() == [
            "verb",
            "noun",
            "verb",
            "noun",
        ]
        assert sentences["mass"].between(0, 1).all()
        shares.append(sentences["mass"].to_numpy())
    assert not np.allclose(*shares)


def test_a_folder_without_tables_is_told_how_to_get_them(tmp_path):
    with pytest.raises(CorpusError, match=r"found no \.parquet file; download it by hf download --repo-type dataset"):
        read_homophones(tmp_path, recordings=tmp_path)


def test_a_table_of_another_dataset_and_a_broken_one_are_one_line(tmp_path):
    save(tmp_path, [{"audio": 1, "text": "a"}])
    with pytest.raises(CorpusError, match=r"expected columns audio, alignment, .* found audio, text; this is another"):
        read_homophones(tmp_path, recordings=tmp_path)
    (tmp_path / "data/train-00000-of-00001.parquet").write_text("version https://git-lfs")
    with pytest.raises(CorpusError, match=r"expected a Parquet table in .*; download it again"):
        read_homophones(tmp_path, recordings=tmp_path)


def test_recordings_that_are_not_inside_the_tables_are_one_line(tmp_path):
    outside = row("la porte", "la", "porte") | {"audio": {"bytes": None, "path": "clips/a.mp3"}}
    with pytest.raises(CorpusError, match=r"row 0 inside the tables .* found only its path 'clips/a\.mp3'; save the"):
        read(tmp_path, [outside])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"alignment": {"intervals": None}},
            "expected words with their times in column alignment of row 0, found none",
        ),
        ({"target_indices": {"enc": [7]}}, "among the 2 words of row 0 in column target_indices, found 7; the row is"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, changes, message):
    with pytest.raises(LabelError, match=message):
        read(tmp_path, [row("la porte", "la", "porte") | changes])


def test_tables_without_any_cue_are_an_error_not_an_empty_corpus(tmp_path):
    with pytest.raises(CorpusError, match=r"expected sentences with a target and its cue in the tables below .*found"):
        read(tmp_path, [row("porte la", "la", "porte")])


def test_the_folder_for_recordings_is_no_option_of_a_study(tmp_path):
    with pytest.raises(ConfigError, match="expected options of reader 'homophones' among language, found 'recordings'"):
        bring(tmp_path, options={"recordings": "/tmp"})


def test_cues_survive_an_index_with_rows_of_other_tiers(tmp_path):
    utterances, segments = read(tmp_path)
    whole = pd.DataFrame({"utterance": ["homophone-0000"], "tier": ["utterance"], "index": [0]})
    index = pd.concat([segments, whole], ignore_index=True)
    pd.testing.assert_frame_equal(cues(index, utterances), cues(segments, utterances))
