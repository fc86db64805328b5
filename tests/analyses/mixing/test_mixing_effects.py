"""Effect of the cue on the spelling: equal to zeroing by hand, and counted as planted."""

import pandas as pd
import pytest
import torch
from tiny_predictors import noise, tiny_predictor

from auscult.analyses.mixing import effects
from auscult.analyses.mixing.roles import find_roles
from auscult.analyses.mixing.sentences import Sentence
from auscult.models.outputs import output_of

WAVEFORM = noise(9000)


@pytest.mark.parametrize("name", ["hubert-ctc", "wav2vec2-ctc"])
def test_zeroed_values_are_run_on_to_the_head(name):
    predictor = tiny_predictor(name)
    blocks = find_roles(predictor.model).blocks
    for block in blocks:  # random weights hardly attend, and spell the same without
        block.attention.out_proj.weight.mul_(200)
    found = effects.spell_without(predictor, WAVEFORM, (0, 25))
    assert found["none"] == predictor.transcribe([WAVEFORM])[0]
    assert list(found) == ["none", *(f"T{i + 1}" for i in range(len(blocks))), "every"]
    for layer, touched in {"T1": blocks[:1], "T2": blocks[1:2], "every": blocks}.items():
        handles = [block.attention.v_proj.register_forward_hook(_zero) for block in touched]
        assert found[layer] == predictor.transcribe([WAVEFORM])[0]
        for handle in handles:
            handle.remove()
    assert found["every"] != found["none"]
    assert predictor.transcribe([WAVEFORM])[0] == found["none"]  # no hook is left


def _zero(_, inputs, values):
    keep = torch.ones(values.shape[1], 1)
    keep[0:25] = 0
    return values * keep


def sentence(i, plural):
    noun = f"chat{'abcdefghij'[i // 2]}"
    words = pd.DataFrame({"index": [0, 1], "label": ["les", noun], "onset": [0, 3000], "offset": [3000, 8000]})
    forms = {"number": "singular", "word": noun, "other": f"{noun}s"}
    if plural:
        forms = {"number": "plural", "word": f"{noun}s", "other": noun}
    cue = {"utterance": f"u{i}", "target_index": 1, "target_pos": "NOUN", "cue_index": 0}
    cues = pd.DataFrame([cue | forms | {"target_place": 1, "cue_place": 0}])
    return Sentence(f"u{i}", f"{'les' if plural else 'le'} {forms['word']}", "test", 9000, words, cues, False)


class Recording:
    """A corpus in which every recording sounds alike."""

    def waveform(self, _):
        return WAVEFORM


def test_a_layer_that_alone_carries_the_cue_is_found(monkeypatch):
    """Without T2 the planted recogniser always writes the plural."""
    plan = [sentence(i, i % 2 == 0) for i in range(20)]
    texts = iter(plan)

    def spell(predictor, waveform, span):
        own = next(texts).text
        plural = f"les {own.split()[1].removesuffix('s')}s"
        return {"none": own, "T1": own, "T2": plural, "every": plural}

    monkeypatch.setattr(effects, "spell_without", spell)
    rows = effects.score_effects(tiny_predictor("hubert-ctc"), Recording(), plan, n_resamples=200, seed=0)
    table = rows[rows["target"] == "noun"].set_index(["metric", "layer"])["value"]
    assert table["number_right"].to_dict() == {"none": 1, "T1": 1, "T2": 0.5, "every": 0.5}
    assert table["number_right_change"].to_dict() == {"T1": 0, "T2": -0.5, "every": -0.5}
    ends = rows.set_index(["target", "metric", "layer"]).loc[("all", "number_right_change", "T2")]
    assert ends["ci_low"] <= -0.5 <= ends["ci_high"] < 0
    assert (ends["n"], ends["n_groups"], ends["chance"]) == (20, 20, 0)


def test_a_model_that_spells_nothing_has_no_effect(monkeypatch):
    plan = [sentence(i, i % 2 == 0) for i in range(4)]
    monkeypatch.setattr(effects, "spell_without", lambda *_: {"none": "x", "T1": "x", "every": "x"})
    rows = effects.score_effects(tiny_predictor("hubert-ctc"), Recording(), plan, n_resamples=100, seed=0)
    assert rows["value"].isna().all()
    assert (rows["n"] == 0).all()


@pytest.mark.parametrize(
    ("architecture", "output"),
    [("HubertForCTC", "ctc"), ("WhisperForConditionalGeneration", "decoder"), ("HubertModel", "")],
)
def test_the_output_of_a_checkpoint_is_known_from_its_architecture(tmp_path, architecture, output):
    (tmp_path / "config.json").write_text(f'{{"architectures": ["{architecture}"]}}')
    assert output_of(tmp_path) == output
