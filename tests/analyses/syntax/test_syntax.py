"""Implied parses, pseudo-log-likelihoods and onsets: by hand, against slow loops, and with planted answers."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_text import WORDS, piece_tokenizer, tiny_bert
from transformers import BertModel

from auscult.analyses.syntax.analysis import SYNTAX_COLUMNS, follow_syntax
from auscult.analyses.syntax.attachment import score_attachment
from auscult.analyses.syntax.likelihood import (
    pseudo_log_likelihoods,
    score_loss,
    score_pairs,
    score_word_frequency,
)
from auscult.analyses.syntax.onsets import ONSET_COLUMNS, find_onsets
from auscult.analyses.syntax.parsing import Arcs, parse_arcs, predicted_heads, word_attention
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.corpora.text import TextCorpus
from auscult.errors import AnalysisError, CheckpointError
from auscult.models.checkpoints import save_checkpoint
from auscult.models.text import TextModel, load_text_model
from auscult.models.tokens import word_tokenizer


def parse(text, name="s"):
    """Return the words of ``word/relation/head …``, heads counted from 0."""
    rows = [word.split("/") for word in text.split()]
    return pd.DataFrame(
        [
            {"sentence": name, "index": i, "word": w, "pos": "X", "head": int(h), "relation": r}
            for i, (w, r, h) in enumerate(rows)
        ]
    )


def test_attention_between_words_by_hand():
    # [CLS] un ##do king [SEP]: the word "undo" has two tokens.
    attention = torch.tensor(
        [
            [0.2, 0.2, 0.2, 0.2, 0.2],
            [0.1, 0.3, 0.2, 0.3, 0.1],
            [0.3, 0.1, 0.1, 0.4, 0.1],
            [0.1, 0.2, 0.4, 0.2, 0.1],
            [0.2, 0.2, 0.2, 0.2, 0.2],
        ]
    )[None, None]
    weights = word_attention(attention, torch.tensor([[-1, 0, 0, 1, -1]]), 2)[0, 0]
    # undo at king: the mean of .3 and .4; king at undo: the sum of .2 and .4.
    assert weights.numpy() == pytest.approx(np.array([[(0.5 + 0.2) / 2, 0.35], [0.6, 0.2]]))


def test_heads_by_hand_in_both_directions_without_the_diagonal():
    weights = torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.9, 0.1], [0.2, 0.4, 0.9]])[None, None]
    looks, is_looked_at = predicted_heads(weights, torch.tensor([3]))[0]
    assert looks.tolist() == [2, 0, 1]
    assert is_looked_at.tolist() == [1, 2, 0]


def test_padding_is_nobodys_head():
    weights = torch.ones(1, 1, 4, 4)
    weights[..., :2, :2] = 0.1
    assert predicted_heads(weights, torch.tensor([2]))[0, :, :2].tolist() == [[1, 0], [1, 0]]


def test_attachment_by_hand():
    """The second map is best for det on the two sentences that choose, and finds 1 of 2 arcs on the others."""
    rows = [("a", "det", 1), ("b", "det", 1), ("c", "det", 1), ("d", "det", 2)]
    table = pd.DataFrame(rows, columns=["sentence", "relation", "offset"]).assign(n_others=4)
    found = np.zeros((4, 4), dtype=bool)
    halves = np.random.default_rng([3, *b"halves"]).permutation(4) < 2
    found[halves, 1] = True  # dependent looks at head, T1, head 1
    found[~halves, 0] = True  # would be best if it were chosen on the sentences that score
    found[np.flatnonzero(~halves)[0], 1] = True
    scores = score_attachment(Arcs(table, found), n_heads=2, min_arcs=2, n_resamples=0, seed=3)
    uas = scores[(scores["metric"] == "uas") & (scores["target"] == "det")].iloc[0]
    assert (uas["value"], uas["n"], uas["n_groups"], uas["layer"]) == (0.5, 2, 2, "T1")
    assert (uas["head"], uas["direction"], uas["chance"]) == (1, "dependent", 0.25)
    fixed = scores[(scores["metric"] == "uas_fixed_offset") & (scores["target"] == "det")].iloc[0]
    assert (fixed["value"], fixed["offset"]) == (np.mean(table["offset"][~halves] == 1), 1)


def test_all_arcs_are_counted_and_not_relations():
    table = pd.DataFrame(
        {"sentence": list("abcdefgh"), "relation": ["det"] * 6 + ["obj"] * 2, "offset": 1, "n_others": 3}
    )
    found = np.repeat((table["relation"] == "det").to_numpy()[:, None], 2, axis=1)
    scores = score_attachment(Arcs(table, found), n_heads=1, min_arcs=1, n_resamples=0, seed=0).query("metric == 'uas'")
    total, n_det = scores.iloc[0], scores.loc[scores["target"] == "det", "n"].iloc[0]
    assert total["value"] == n_det / total["n"]


PLACES = np.arange(1, 5)
STEPS = np.array([0, 9, 99, 999])


def planted(*found_by, n=600):
    """Return arcs at distances 1 to 4, 1 being the commonest, and what each planted head finds of them."""
    offset = np.random.default_rng(0).choice(PLACES, n, p=[0.4, 0.3, 0.2, 0.1])
    table = pd.DataFrame({"sentence": [f"s{i // 2}" for i in range(n)], "relation": "det", "offset": offset})
    heads = [
        offset == rule if isinstance(rule, int) else np.random.default_rng(1).random(n) < rule for rule in found_by
    ]
    return Arcs(table.assign(n_others=9), np.stack([*heads, *[np.zeros(n, dtype=bool)] * len(heads)], axis=1))


def follow(*checkpoints):
    """Return onsets of a model whose heads find the arcs of each checkpoint."""
    tables = [
        score_attachment(arcs, n_heads=len(PLACES), min_arcs=10, n_resamples=200, seed=0).assign(
            corpus="c", model="bert", step=str(step)
        )
        for step, arcs in zip(STEPS, checkpoints, strict=True)
    ]
    onsets = find_onsets(pd.concat(tables))
    return onsets[onsets["metric"] == "onset_step"].set_index("curve")["value"]


def test_heads_at_fixed_positions_give_no_structure_onset():
    nothing, positions = planted(0.05, 0.05, 0.05, 0.05), planted(*PLACES.tolist())
    assert np.isnan(follow(nothing, nothing, positions, positions)["uas_off_offset"])


def test_a_head_that_follows_syntax_gives_a_structure_onset():
    nothing, syntax = planted(0.05, 0.05, 0.05, 0.05), planted(1, 2, 3, 0.9)
    assert 9 < follow(nothing, nothing, syntax, syntax)["uas_off_offset"] < 99


def test_a_head_at_one_distance_finds_one_of_the_three_others():
    scores = score_attachment(planted(*PLACES.tolist()), n_heads=4, min_arcs=10, n_resamples=0, seed=0)
    off = scores[scores["target"] == "det"].set_index("metric").loc[["uas_off_offset", "uas_off_offset_fixed"]]
    assert off["value"].to_numpy() == pytest.approx(1 / 3, abs=0.08)  # offsets weigh as in the half that chooses


def test_rare_relations_only_raise():
    arcs = Arcs(
        pd.DataFrame({"sentence": ["a"], "relation": "det", "offset": 1, "n_others": 3}), np.ones((1, 2), dtype=bool)
    )
    with pytest.raises(AnalysisError, match=r"expected a relation with at least 100 arcs, .* found \{'det': 1\}"):
        score_attachment(arcs, n_heads=1, min_arcs=100, n_resamples=0, seed=0)


def test_arcs_agree_with_a_slow_loop():
    model = TextModel(*tiny_bert(piece_tokenizer()))
    parses = {
        "a": parse("the/det/1 king/nsubj/2 do/root/-1 undoing/obj/2 undo/punct/2", "a"),
        "b": parse("undoing/root/-1 undo/obj/0 the/dep/1", "b"),
        "c": parse("king/root/-1", "c"),
    }
    arcs = parse_arcs(model, parses)
    assert arcs.table[["sentence", "relation", "offset"]].to_numpy().tolist() == [
        ["a", "det", 1],
        ["a", "nsubj", 1],
        ["a", "obj", -1],
        ["b", "obj", -1],
        ["b", "dep", -1],
    ]
    expected = []
    bert, tokenizer = tiny_bert(piece_tokenizer())
    bert.set_attn_implementation("eager")
    for words in (parses["a"], parses["b"]):
        encoded = tokenizer(words["word"].tolist(), is_split_into_words=True)
        layers = bert.bert(torch.tensor([encoded["input_ids"]]), output_attentions=True).attentions
        maps = [layer[0, head].detach().numpy() for layer in layers for head in range(2)]
        for word, (head, relation) in enumerate(zip(words["head"], words["relation"])):
            if relation in ("root", "punct"):
                continue
            looked, seen = [], []
            for weights in maps:
                n, of = len(words), encoded.word_ids()
                between = np.full((n, n), -1.0)
                for i in range(n):
                    for j in range(n):
                        lookers = [t for t, owner in enumerate(of) if owner == i]
                        targets = [t for t, owner in enumerate(of) if owner == j]
                        if i != j:
                            between[i, j] = np.mean([sum(weights[t, u] for u in targets) for t in lookers])
                looked.append(between[word].argmax() == head)
                seen.append(between[:, word].argmax() == head)
            expected.append(looked + seen)
    assert arcs.found.tolist() == expected


class Bigrams:
    """A model in which a token after an equal token is half as likely as any other."""

    tokenizer = staticmethod(lambda text: SimpleNamespace(word_ids=lambda: list(range(len(text.split()) + 2))))

    def tokens(self, texts):
        return [[0, *map(int, text.split()), 1] for text in texts]

    def is_special(self, token):
        return token < 2

    def log_probabilities(self, rows, hidden):
        return [
            np.log([0.25 if row[place] == row[place - 1] else 0.5 for place in places])
            for row, places in zip(rows, hidden)
        ]


def test_pseudo_log_likelihood_by_hand():
    values = pseudo_log_likelihoods(Bigrams(), ["5 6 7", "5 5 7", "5 5 5"], "original")
    assert values == pytest.approx(np.log([0.5**3, 0.5**2 * 0.25, 0.5 * 0.25**2]))


def pairs(*rows):
    return pd.DataFrame(rows, columns=["paradigm", "good", "bad"])


def test_accuracy_by_hand_counts_a_tie_one_half_and_paradigms_alike():
    table = pairs(("a", "5 6", "5 5"), ("a", "5 5", "5 6"), ("a", "6 7", "7 6"), ("b", "5 6", "5 5"))
    scores = score_pairs(Bigrams(), table, variant="original").set_index("target")["value"]
    assert scores.to_dict() == {"all": 0.75, "a": 0.5, "b": 1.0}


def test_an_accuracy_of_one_has_an_interval():
    table = pairs(*[("a", "5 6", "5 5")] * 30)
    both = score_pairs(Bigrams(), table, variant="original")
    assert both["value"].tolist() == [1, 1]
    assert both["ci_low"].to_numpy() == pytest.approx(0.886, abs=1e-3)  # 30 of 30 by Wilson
    assert both["ci_high"].to_numpy() == pytest.approx(1)


def test_word_frequency_prefers_the_commoner_words():
    table = pairs(("a", "the king", "the queen"), ("b", "the queen", "the king"), ("c", "the king", "king the"))
    found = score_word_frequency(table, ["the king sings", "the king", "the queen"])
    assert found.set_index("target")["value"].to_dict() == {"all": 0.5, "a": 1, "b": 0, "c": 0.5}
    assert set(found["metric"]) == {"accuracy_word_frequency"}


def test_loss_by_hand():
    row = score_loss(Bigrams(), ["5 6 7"], mask_share=0.999, n_resamples=0, seed=0).iloc[0]
    assert (row["value"], row["n"], row["n_groups"]) == (pytest.approx(np.log(2)), 3, 1)


def slow_likelihood(bert, tokenizer, text, within_word):
    encoded, total = tokenizer(text), 0.0
    row, of = encoded["input_ids"], encoded.word_ids()
    for place in range(1, len(row) - 1):
        masked = list(row)
        for later in range(place, len(row) - 1):
            if later == place or (within_word and of[later] == of[place]):
                masked[later] = tokenizer.mask_token_id
        logits = bert(torch.tensor([masked])).logits
        total += logits[0, place].log_softmax(-1)[row[place]].item()
    return total


@pytest.mark.parametrize("variant", ["original", "within_word"])
def test_pseudo_log_likelihood_agrees_with_a_slow_loop(variant):
    bert, tokenizer = tiny_bert(piece_tokenizer())
    texts = ["the king do undoing", "undo", "the undoing undo king do"]
    slow = [slow_likelihood(bert, tokenizer, text, variant == "within_word") for text in texts]
    fast = pseudo_log_likelihoods(TextModel(bert, tokenizer), texts, variant)
    assert fast == pytest.approx(np.array(slow), abs=1e-4)  # batches of other sizes round single precision otherwise


def test_variants_are_the_same_for_whole_words_and_differ_for_pieces():
    words, pieces = TextModel(*tiny_bert()), TextModel(*tiny_bert(piece_tokenizer()))
    both = [pseudo_log_likelihoods(words, ["the king sings"], variant)[0] for variant in ("original", "within_word")]
    assert both[0] == both[1]
    assert (
        np.diff([pseudo_log_likelihoods(pieces, ["undoing"], variant)[0] for variant in ("original", "within_word")])
        != 0
    )


def test_a_model_for_pretraining_and_one_for_masked_words_are_read_alike():
    model, tokenizer = tiny_bert(pretraining=True)
    logits = model(torch.tensor([tokenizer("the king")["input_ids"]])).prediction_logits
    found = TextModel(model, tokenizer).log_probabilities([tokenizer("the king")["input_ids"]], [[1]])[0]
    assert logits.shape[-1] == len(tokenizer)
    assert found.shape == (1,)
    assert (found < 0).all()


def test_an_unknown_word_is_text_and_special_tokens_are_not():
    model = TextModel(*tiny_bert())
    row = model.tokens(["the emperor"])[0]
    assert [model.is_special(token) for token in row] == [True, False, False, True]


def test_a_sentence_too_long_for_the_model_raises():
    with pytest.raises(AnalysisError, match=r"expected sentences of at most 12 tokens, .* found 22 in "):
        TextModel(*tiny_bert()).tokens(["the king " * 10])


FEW = SyntaxSettings(min_arcs=10, n_resamples=100)


def corpus(n=40):
    parses = {
        f"s{i}": parse("the/det/1 king/nsubj/2 sings/root/-1 near/case/5 the/det/5 queen/obl/2", f"s{i}")
        for i in range(n)
    }
    sentences = pd.DataFrame(
        {
            "sentence": list(parses),
            "corpus": "c",
            "language": "",
            "split": "test",
            "text": "the king sings near the queen",
        }
    )
    table = pairs(*[("agreement", "the king sings", "the king sing")] * 8).assign(
        corpus="c", pair=[f"p{i}" for i in range(8)]
    )
    return TextCorpus("c", sentences, pd.concat(parses.values()), table, None)


def checkpoints(folder, *steps):
    model, tokenizer = tiny_bert()
    for step in steps:
        save_checkpoint(folder / step, model, {"step": step}, tokenizer=tokenizer)
    return {step: folder / step for step in steps}


def test_a_sweep_has_every_step_with_its_columns(tmp_path):
    table = follow_syntax(checkpoints(tmp_path, "0", "10"), corpus(), model="m", settings=FEW, seed=0)
    assert tuple(table.columns) == SYNTAX_COLUMNS
    assert table["step"].unique().tolist() == ["0", "10"]
    assert set(table["metric"]) == {"loss", "uas", "uas_fixed_offset", "accuracy"}
    whole = table[table["target"] == "all"]
    assert whole["n"].notna().all()
    same = [part.drop(columns="step").reset_index(drop=True) for _, part in table.groupby("step")]
    pd.testing.assert_frame_equal(*same)  # the same weights at both steps


def test_constant_offsets_find_every_arc_of_a_sentence_that_never_changes(tmp_path):
    table = follow_syntax(checkpoints(tmp_path, "0"), corpus(), model="m", settings=FEW, seed=0)
    fixed = table[table["metric"] == "uas_fixed_offset"].set_index("target")["value"]
    assert fixed[["all", "det", "nsubj", "case", "obl"]].tolist() == [1.0] * 5


@pytest.mark.parametrize("steps", [("10", "0"), ("final", "10")])
def test_steps_out_of_order_raise(tmp_path, steps):
    with pytest.raises(
        AnalysisError, match=f"expected checkpoints in the order of training, found steps {', '.join(steps)}"
    ):
        follow_syntax(checkpoints(tmp_path, *steps), corpus(), model="m", seed=0)


def test_a_missing_checkpoint_raises(tmp_path):
    found = checkpoints(tmp_path, "0", "10")
    shutil.rmtree(found["10"])
    with pytest.raises(AnalysisError, match=r"expected a checkpoint of step 10 at .*, found none"):
        follow_syntax(found, corpus(), model="m", seed=0)


def test_a_split_without_sentences_and_no_pairs_raises(tmp_path):
    empty = TextCorpus("c", corpus().sentences, corpus().words, corpus().pairs[:0], None)
    with pytest.raises(AnalysisError, match="expected minimal pairs, or sentences of split 'valid', in corpus 'c'"):
        follow_syntax(checkpoints(tmp_path, "0"), empty, model="m", settings=SyntaxSettings(split="valid"), seed=0)


def test_a_checkpoint_without_tokenizer_raises(tmp_path):
    save_checkpoint(tmp_path / "m", tiny_bert()[0], {})
    with pytest.raises(CheckpointError, match=r"expected tokenizer.json or vocab.txt in .*, found no tokenizer"):
        load_text_model(tmp_path / "m")


def test_a_bert_without_word_predictor_raises(tmp_path):
    model, tokenizer = tiny_bert()
    save_checkpoint(tmp_path / "m", BertModel(model.config), {}, tokenizer=tokenizer)
    with pytest.raises(CheckpointError, match=r"expected a BERT that predicts words .*, found BertModel"):
        load_text_model(tmp_path / "m")


def test_a_word_tokenizer_is_read_back_as_it_was(tmp_path):
    save_checkpoint(tmp_path / "m", tiny_bert()[0], {}, tokenizer=word_tokenizer(WORDS))
    assert json.loads((tmp_path / "m" / "tokenizer.json").read_text())["model"]["vocab"]["king"] == 6
    assert load_text_model(tmp_path / "m").tokens(["the king"]) == [[2, 5, 6, 3]]


def staged(*at, model="bert-1", metrics=("uas_off_offset", "accuracy"), half=0.02):
    """Return curves that rise from .1 to .9 at the given checkpoints, one for each metric."""
    rows = [
        ["c", model, str(step), "x", "all", metric, value, value - half, value + half, 10, 10]
        for metric, place in zip(metrics, at, strict=True)
        for step, value in zip(LONG, np.where(np.arange(len(LONG)) >= place, 0.9, 0.1))
    ]
    return pd.DataFrame(rows, columns=list(SYNTAX_COLUMNS[:11]))


LONG = (0, 9, 99, 999, 9999)


def test_onsets_of_seeds_have_a_median_and_their_range():
    table = find_onsets(pd.concat([staged(1, place, model=f"bert-{place}") for place in (1, 2, 3)]))
    assert tuple(table.columns) == ONSET_COLUMNS
    spread = table[(table["model"] == "bert") & (table["curve"] == "accuracy")].iloc[0]
    assert (spread["metric"], spread["n"], spread["ci_low"] < spread["value"] < spread["ci_high"]) == (
        "onset_step",
        3,
        True,
    )
    assert "onset_correlation" not in set(table["metric"])  # of three models it would say nothing


@pytest.mark.parametrize(("structure", "capability", "first"), [(1, 2, "ci_low"), (2, 1, "ci_high"), (2, 2, None)])
def test_the_ratio_of_onsets_tells_what_came_first_where_their_intervals_separate(structure, capability, first):
    table = find_onsets(staged(structure, capability))
    ratio = table[table["metric"] == "onset_ratio"].iloc[0]
    assert (ratio["ci_low"] > 1, ratio["ci_high"] < 1) == (first == "ci_low", first == "ci_high")


def test_wide_intervals_separate_no_onsets():
    ratio = find_onsets(staged(1, 2, half=0.65)).query("metric == 'onset_ratio'")
    assert not ((ratio["ci_low"] > 1) | (ratio["ci_high"] < 1)).any()


def test_a_curve_that_stays_has_no_onset():
    table = find_onsets(staged(1, 9)).set_index(["metric", "curve"])["value"]
    assert np.isnan(table["onset_step", "accuracy"])
    assert np.isfinite(table["onset_step", "uas_off_offset"])


def test_a_rise_to_what_word_frequency_tells_is_no_onset():
    rising = staged(2, metrics=("accuracy",))
    frequency = rising.assign(metric="accuracy_word_frequency", value=0.88)
    for tables, finite in (([rising], True), ([rising, frequency], False)):
        onsets = find_onsets(pd.concat(tables))
        assert np.isfinite(onsets.loc[onsets["metric"] == "onset_step", "value"].iloc[0]) == finite
