"""JSON files beside the weights of a checkpoint: damaged, endless and of other kinds, refused before they are read."""

import json

import numpy as np
import pytest
from malformed import damage
from tiny_models import tiny_model

from auscult.errors import AuscultError, CheckpointError
from auscult.models.accessories import check_accessories
from auscult.models.checkpoints import import_checkpoint

FILES = {
    "preprocessor_config.json": {"sampling_rate": 16000, "do_normalize": True},
    "vocab.json": {"<pad>": 0, "|": 1, "a": 2, "b": 3},
    "tokenizer_config.json": {"pad_token": "<pad>", "word_delimiter_token": "|", "tokenizer_class": "Wav2Vec2CTC"},
    "special_tokens_map.json": {"pad_token": {"content": "<pad>"}, "unk_token": None},
}


@pytest.fixture
def folder(tmp_path):
    """A tiny checkpoint with the files of a tokenizer and a feature extractor."""
    tiny_model("wav2vec2").save_pretrained(tmp_path / "whole")
    for name, content in FILES.items():
        (tmp_path / "whole" / name).write_text(json.dumps(content))
    return tmp_path / "whole"


def test_a_whole_checkpoint_passes(folder):
    check_accessories(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[" * 100_000, r"expected JSON in .*config\.json"),
        ("config.json", "[]", "expected a JSON object in .*, found list"),
        ("config.json", '{"hidden_size": 1e99}', "expected a whole number up to .* as hidden_size"),
        ("config.json", '{"num_hidden_layers": 100000}', "expected a whole number up to 1000 as num_hidden_layers"),
        ("config.json", '{"conv_kernel": [10, "3"]}', "expected whole numbers above 0 as conv_kernel"),
        ("config.json", '{"num_hidden_layers": 999, "hidden_size": 999999}', "a model of at most .* weights"),
        ("config.json", '{"pad_token_id": "0"}', "as pad_token_id in .*, found '0'"),
        ("preprocessor_config.json", '{"sampling_rate": 1e999}', "expected a whole number of Hz as sampling_rate"),
        ("preprocessor_config.json", '{"do_normalize": "yes"}', "expected true or false as do_normalize"),
        ("processor_config.json", '{"feature_extractor": 3}', "expected an object as feature_extractor"),
        ("vocab.json", '{"a": "0"}', "expected an index from 0 as 'a'"),
        ("vocab.json", '{"a": 0, "nld": {"b": 1}}', "found both in one object"),
        ("tokenizer_config.json", '{"word_delimiter_token": 3}', "expected a token as word_delimiter_token"),
        ("special_tokens_map.json", '{"pad_token": {"content": []}}', "expected a token as pad_token"),
    ],
)
def test_what_no_library_reads_is_named(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        check_accessories(folder)


def test_all_files_at_fault_are_named_together(folder):
    for name in FILES:
        (folder / name).write_text("{")
    with pytest.raises(CheckpointError, match=r"found faults in 4 of 5 files of the checkpoint: \(1\) "):
        check_accessories(folder)


def test_files_of_a_gigabyte_are_not_read(folder):
    with open(folder / "tokenizer.json", "wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(CheckpointError, match=r"expected at most 64 MiB of JSON in .*, found 1024"):
        check_accessories(folder)


@pytest.mark.parametrize("name", ["config.json", *FILES])
def test_damaged_files_are_read_or_refused(folder, name, tmp_path):
    whole, refused = (folder / name).read_bytes(), 0
    for seed in range(25):
        (folder / name).write_bytes(whole)
        damage(folder / name, np.random.default_rng(seed))
        try:
            check_accessories(folder)
            import_checkpoint(tmp_path / f"imported-{seed}", source=folder)
        except AuscultError:
            refused += 1
    assert refused >= 5
