"""The probing figure, drawn from planted tables: panels, controls, note, finding and caption."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import (
    CHANCE,
    LAYERS,
    LEVEL,
    MODELS,
    PANELS,
    RUNS,
    STUDY,
    caption_of,
    context_of,
    draw_styled,
    drawn,
    note_of,
    probing_rows,
    probing_table,
)

from auscult.analyses.probing import figure as probing, headline
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style

CONTEXT = context_of("probing")
PHONE = [("english", "phone")]


def draw(table, context=CONTEXT):
    return draw_styled(probing, context, table=table)


def finding(table, context=CONTEXT):
    return probing.describe_finding(table, context=context)


def extra_rows(corpus="english", target="phone", runs=RUNS, n_groups=16):
    """Return rows at the selected layer: MLP, control task, selectivity, compression and a learning curve."""
    rows, random = [], np.random.default_rng(5)
    for model, step in runs:
        true = CHANCE[target][0] + 0.9 * (LEVEL[model] if step != "0" else 0.3)
        control = 0.3 * true + random.uniform(0, 0.1)
        kinds = [
            ("ridge", "control", "accuracy", control),
            ("ridge", "true", "selectivity", true - control),
            ("mlp", "true", "accuracy", true + 0.04),
            ("mlp", "control", "accuracy", control + 0.15),
            ("mlp", "true", "selectivity", true - control - 0.11),
            ("linear (sample)", "true", "accuracy", true - 0.05),
            ("linear (sample)", "control", "accuracy", control),
            ("linear (sample)", "true", "selectivity", true - control - 0.05),
            ("online logistic", "true", "compression", 1 + 2 * true),
            ("online logistic", "control", "compression", 1 + 0.3 * control),
        ]
        for probe, labels, metric, value in kinds:
            more = {
                "probe": probe,
                "labels": labels,
                "metric": metric,
                "n_groups": n_groups,
                "type": "context",
                "type_overlap": 0.82,
                "selected_layer": "T3",
                "chance": 1.06 if metric == "compression" else 0,
            }
            if probe in ("mlp", "linear (sample)"):
                more |= {"n_train": 2890, "n": 6000}
            rows.append(probing_rows(corpus, target, model, step, "selected", value, **more))
        rows.append(probing_rows(corpus, target, model, step, "selected", 0.111, n_train=100, selected_layer="T3"))
    return pd.DataFrame(rows)


def regression_table():
    table = probing_table([("english", "gender")]).assign(target="log_f0", metric="r2", n_classes=0, chance=0.0)
    table[["value", "ci_low", "ci_high"]] -= 0.5
    return table.assign(held_out="speaker+type", type="context", type_overlap=0.0)


def full_table(**more):
    return pd.concat([probing_table(PANELS[:2], **more), extra_rows(), regression_table()], ignore_index=True)


@pytest.fixture(scope="module")
def panels():
    return drawn(draw(probing_table()))


@pytest.fixture(scope="module")
def full():
    return draw(full_table())


@pytest.fixture(scope="module")
def full_text(full):
    return drawn(full)


def test_every_panel_has_its_counts_held_out_units_and_unit_of_resampling(panels):
    assert "english · phone" in panels
    assert "multilingual · language" in panels
    assert "39 classes · n = 12,480, 16 speakers" in panels
    assert panels.count("held out: speakers · 95 % interval over speakers") == 4


def test_every_control_is_named(panels):
    names = ("HuBERT (English)", "HuBERT (English), untrained", "untrained", "log-mel", "time", "chance")
    assert set(names) | {"shuffled labels", "chance: most frequent class"} <= set(panels)
    assert any("Study “default”, synthesised speech (english, multilingual)." in text for text in panels)


def test_value_and_layer_of_each_model_are_written():
    table = probing_table(PHONE)
    row = table.query("layer == 'selected' and labels == 'true' and model == 'hubert-english' and step == '1500'")
    assert f"{row['value'].item():.2f} {row['selected_layer'].item()}" in drawn(draw(table))


def test_too_few_speakers_have_no_interval():
    assert "held out: speakers · no interval: 3 speakers" in drawn(draw(probing_table(PHONE, n_groups=3)))


def test_baselines_can_be_drawn_alone():
    table = probing_table(runs=[("mel", "final"), ("mfcc", "final")])
    assert "log-mel" in drawn(draw(table))
    assert finding(table) == ""


def test_a_table_can_be_drawn_without_context():
    figure = probing.draw(full_table())
    assert "hubert-english" in drawn(figure)


def test_a_model_without_rows_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of probing, found"):
        draw(probing_table(PHONE), context_of("probing", shown=["absent"]))


def test_the_rows_beside_the_figure_are_those_of_its_metrics_and_models():
    table = pd.concat([full_table(), probing_table(PHONE).assign(metric="macro_f1")])
    rows = probing.drawn_rows(table, context=context_of("probing", shown=["mel", "hubert-english"]))
    assert list(dict.fromkeys(rows["model"])) == ["mel", "hubert-english"]
    assert set(rows["metric"]) == {"accuracy", "r2", "selectivity", "compression"}
    assert {"type", "type_overlap", "n_train", "given", "duration_alone"} <= set(
        probing.drawn_rows(probing_table(PHONE)).columns
    )


def test_control_task_selectivity_and_compression_are_drawn_and_named(full_text):
    expected = (
        "control task, one label per context",
        "82 % of test items: type in training",
        "selectivity",
        "control task: a random label per type",
        "code without vectors",
        "MLP probe",
        "linear probe, same items",
        "online code",
        "n = 12,480",
        "compression ratio",
    )
    assert [text for text in expected if text not in full_text] == []


def test_a_learning_curve_does_not_disturb_the_scores(full_text):
    assert not any(text.startswith("0.11") for text in full_text)


def test_a_regression_has_no_classes_and_names_its_metric(full_text):
    assert "english · log F0" in full_text
    assert "R² at the selected layer" in full_text
    assert "n = 12,480, 16 speakers" in full_text
    assert any(text.startswith("held out: speakers, types") for text in full_text)


def test_code_lengths_without_a_control_task_stand_alone():
    extra = extra_rows()
    table = pd.concat([probing_table(PANELS[:1]), extra[extra["metric"] == "compression"]], ignore_index=True)
    text = drawn(draw(table))
    assert "online code, n = 12,480" in text
    assert "selectivity" not in text


def test_few_speakers_have_no_interval_in_control_panels():
    table = pd.concat([probing_table(PANELS[:1], n_groups=3), extra_rows(n_groups=3)], ignore_index=True)
    assert "no interval: 3 speakers" in drawn(draw(table))


@pytest.mark.parametrize("n_panels", [1, 3])
@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_no_text_lies_over_text(misplaced, n_panels, layers):
    plotting.save_pages(draw(probing_table(PANELS[:n_panels], layers=layers)), "unused")
    assert misplaced == []


def test_no_text_lies_over_text_with_all_controls(misplaced, full):
    plotting.save_pages(draw(full_table()), "unused")
    assert misplaced == []


def test_many_targets_and_models_lay_no_text_over_text(misplaced, monkeypatch):
    monkeypatch.setitem(LEVEL, "nonspeech", 0.5)
    models = {"nonspeech": {"label": "HuBERT (non-speech)", "source": "trained"}, **MODELS}
    monkeypatch.setattr("figure_cases.MODELS", models)
    runs = [("nonspeech", "0"), ("nonspeech", "1500"), *RUNS]
    tables = [
        probing_table([("english", target)], runs).assign(target=name)
        for target, name in (
            ("phone", "phone"),
            ("phone", "word"),
            ("gender", "number"),
            ("speaker", "speaker"),
            ("language", "part_of_speech"),
            ("gender", "gender"),
        )
    ]
    table = pd.concat([*tables, extra_rows(runs=runs), extra_rows(target="gender", runs=runs)], ignore_index=True)
    plotting.save_pages(draw(table, context_of("probing", models)), "unused")
    assert misplaced == []


def test_layers_of_a_deep_model_are_thinned():
    table = pd.concat([probing_table(PANELS[:1], layers=(*LAYERS, *(f"T{i}" for i in range(5, 25)))), extra_rows()])
    assert "T24" not in drawn(draw(table))


def test_the_note_gives_the_items_of_nonlinear_probes(full):
    assert "MLP: 2,890 training items, 6,000 items in all." in note_of(full)


def test_the_note_is_short_with_everything_that_it_may_say():
    table = full_table()
    table.loc[table["model"].eq("time") & table["metric"].eq("r2"), "value"] = -4.0
    note = note_of(draw(table, ceiling_context()))
    assert "R² below −0.5 is not drawn." in note
    assert all(len(note_of(page).split()) <= 60 for page in draw(table, ceiling_context()))


def test_the_linear_probe_of_the_sample_is_not_taken_for_the_probe_of_all_items():
    with_peer = full_table()
    without = with_peer[~with_peer["probe"].isin(["mlp", "linear (sample)"])]
    numbers = [
        [text for text in drawn(draw(table)) if text[:2] == "0." and " T" in text] for table in (with_peer, without)
    ]
    assert numbers[0] == numbers[1] != []


def test_a_nonlinear_probe_and_the_linear_probe_of_its_items_share_a_line(full):
    lines = [line for page in full for axes in page.axes for line in axes.lines]
    heights = {
        marker: sorted({float(line.get_ydata()[0]) for line in lines if is_single(line, marker)})
        for marker in ("+", "o")
    }
    assert heights["+"] == heights["o"] != []


def is_single(line, marker):
    return line.get_marker() == marker and len(line.get_ydata()) == 1 and line.get_markersize() in (5.5, 2.4)


@pytest.mark.parametrize(("worst", "low", "is_cut"), [(-0.3, -0.33, False), (-4.0, -0.5, True)])
def test_an_r2_far_below_zero_widens_the_axis_or_is_cut_with_a_remark(worst, low, is_cut):
    table = regression_table()
    table.loc[table["model"] == "time", "value"] = worst
    (page,) = draw(table)
    assert page.axes[0].get_ylim()[0] == pytest.approx(low)
    assert ("R² below −0.5 is not drawn" in note_of(page)) == is_cut


def ceiling_context():
    models = {
        name: entry | {"features": name} if entry["source"] == "acoustic" else entry for name, entry in MODELS.items()
    }
    targets = {"log_f0": {"column": "log_f0"}, "phone": {"column": "label"}}
    return context_of("probing", models, analysis={"targets": targets})


def test_a_baseline_that_holds_the_values_of_a_target_is_a_ceiling():
    note = note_of(draw(full_table(), ceiling_context()))
    assert "F0 is a ceiling for log F0, not a baseline." in note
    assert note.count("a ceiling") == 1


def test_details_are_split_by_tier_with_controls_last():
    words = probing_table(PANELS[:1]).assign(tier="word", target="part_of_speech")
    pages = draw(pd.concat([full_table(), words], ignore_index=True))
    titles = [{axes.get_title(loc="left") for axes in page.axes} - {""} for page in pages]
    assert titles[0] == {"english · phone", "english · speaker", "english · log F0"}
    assert titles[1] == {"english · part of speech"}
    assert "online code" in titles[2]
    assert [faults(page) for page in pages] == [[], [], []]


def slide_of(table, context=CONTEXT):
    with slide_style():
        return headline.draw(table, context=context)


def title_of(table, context=CONTEXT):
    return headline.describe_headline(table, context=context)


def test_the_slide_labels_curves_directly_and_has_the_controls_as_numbers():
    slide = slide_of(full_table())
    words = drawn(slide)
    assert [axes.get_title(loc="left") for axes in slide.axes] == ["By layer", "At the chosen layer"]
    assert words.count("HuBERT") == words.count("wav2vec 2.0") == 2
    # Only the better acoustic baseline.
    assert sorted([words.count("log-mel"), words.count("MFCC")]) == [0, 2]
    assert {"chance", "linear probe", "shuffled labels", "control task", "nonlinear,"} <= set(words)
    assert not slide.legends


@pytest.mark.parametrize("table", [full_table(), probing_table(PHONE), regression_table()])
def test_the_slide_is_legible_and_its_title_is_the_finding(table):
    slide = slide_of(table)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == title_of(table)
    assert "n = 12,480, 16 speakers." in note_of(slide)
    assert ("Small sample: n = 6,000." in note_of(slide)) == (len(table) > 200)


def test_the_slide_shows_the_target_of_most_models():
    phone = probing_table([("english", "phone")], runs=[run for run in RUNS if run[0] != "w2v2-english"])
    table = pd.concat([phone, probing_table([("english", "speaker")])], ignore_index=True)
    assert title_of(table).startswith("Speaker accuracy on english: ")


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ((0.72, 0.29, 0.36), ".72, above log-mel (.36) and untrained (.29)"),
        ((0.30, 0.29, 0.36), ".30, not separated from log-mel (.36) and untrained (.29)"),
        ((0.30, 0.29, 0.60), ".30, not separated from untrained (.29), below log-mel (.60)"),
    ],
)
def test_the_headline_compares_with_its_controls(values, end):
    assert title_of(planted(*values)) == f"Phone accuracy on english: English model {end}"


def test_the_headline_judges_nothing_without_intervals():
    title = title_of(planted(0.72, 0.29, 0.36, width=np.nan).assign(n_groups=4))
    assert title.endswith(".72, against log-mel (.36) and untrained (.29)")
    assert "no intervals" in note_of(slide_of(planted(0.72, 0.29, 0.36, width=np.nan).assign(n_groups=4)))


def test_a_slide_can_be_drawn_of_baselines_alone_and_without_context():
    baselines = probing_table(PHONE, runs=[("mel", "final"), ("mfcc", "final")])
    assert title_of(baselines).startswith("Phone accuracy on english: log-mel ")
    assert faults(slide_of(baselines), SLIDE_MM) == []
    assert "hubert-english" in drawn(headline.draw(full_table()))


def test_the_ridge_twin_is_in_the_table_and_not_in_the_figure():
    ridge = probing_table(PHONE)
    logistic = ridge[ridge["labels"] == "true"].assign(probe="logistic", value=ridge["value"] + 0.05)
    rows = probing.drawn_rows(pd.concat([ridge, logistic]), context=CONTEXT)
    assert set(rows.loc[rows["labels"] == "true", "probe"]) == {"logistic"}
    assert set(rows.loc[rows["labels"] == "shuffled", "probe"]) == {"ridge"}
    assert "linear probes are logistic regressions" in note_of(draw(pd.concat([ridge, logistic])))
    assert "linear probes are ridge regressions" in note_of(draw(ridge))


def test_a_model_must_do_better_than_duration_alone():
    table = planted(0.44, 0.34, 0.28).assign(duration_alone=0.47, given=None)
    assert "duration alone" in finding(table)
    assert "duration alone" not in finding(table.assign(given="log_duration"))


def planted(trained, untrained, mel, width=0.03):
    """Return a table of one target with these values at the selected layer."""
    runs = [("hubert-english", "0"), ("hubert-english", "1500"), ("mel", "final"), ("time", "final")]
    table = probing_table(PHONE, runs=runs)
    values = dict(zip(runs, (untrained, trained, mel, 0.05)))
    table["value"] = [values[pair] for pair in zip(table["model"], table["step"])]
    return table.assign(ci_low=table["value"] - width, ci_high=table["value"] + width)


def test_the_finding_is_an_effect_above_both_controls():
    assert finding(planted(0.72, 0.29, 0.36)) == (
        "Phone accuracy of HuBERT (English) on english is .72 [.69, .75], above untrained (.29) and log-mel (.36)."
    )


def test_the_finding_says_where_there_is_no_effect():
    assert finding(planted(0.30, 0.29, 0.36)) == (
        "Phone accuracy of HuBERT (English) on english is .30 [.27, .33], not separated from untrained (.29) and "
        "log-mel (.36)."
    )
    assert "below log-mel (.60)" in finding(planted(0.30, 0.29, 0.60))


def test_the_finding_judges_nothing_without_intervals():
    table = planted(0.72, 0.29, 0.36, width=np.nan).assign(n_groups=4)
    assert finding(table) == (
        "Phone accuracy of HuBERT (English) on english is .72 without interval, against untrained (.29) and "
        "log-mel (.36)."
    )


def test_the_finding_falls_back_on_chance():
    table = planted(0.72, 0.29, 0.36)
    assert finding(table[table["model"] != "mel"][lambda rows: rows["model"] != "time"]).endswith(
        "above untrained (.29) and chance (.04)."
    )


def test_a_ceiling_is_no_control_of_the_finding():
    table = regression_table().assign(value=0.3, ci_low=0.25, ci_high=0.35)
    table.loc[table["model"] == "f0", ["value", "ci_low", "ci_high"]] = 1.0
    assert "F0 (1.00)" in finding(table)
    assert "F0 (1.00)" not in finding(table, ceiling_context())


def test_the_finding_has_at_most_22_words():
    models = {**MODELS, "hubert-english": {"label": "wav2vec 2.0 (non-speech)", "source": "trained"}}
    table = planted(0.30, 0.29, 0.60).assign(target="part_of_speech")
    assert len(finding(table, context_of("probing", models)).split()) <= 22
    table = planted(0.72, 0.29, 0.36, width=np.nan).assign(n_groups=4, target="noun_number")
    assert len(finding(table, context_of("probing", models)).split()) <= 22


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"probe": "ridge", "n_folds": 4, "n_resamples": 1234}
    figure = {"name": "probing", "title": "T", "models": list(MODELS), "analysis": analysis}
    caption = caption_of("probing", {"figure": figure, "models": MODELS, "study": STUDY})
    assert "Accuracy of ridge probes" in caption
    assert "1,234 resamplings of speakers" in caption
    assert "4-fold cross-validation" in caption
    assert "problematic" not in caption


@pytest.mark.parametrize(("wanted", "shown"), [(["mlp"], True), ([], False)])
def test_the_caption_explains_nonlinear_probes_where_there_are_some(wanted, shown):
    targets = {"phone": {"nonlinear": wanted, "control": False, "mdl": False}}
    figure = {"name": "probing", "title": "T", "analysis": {"targets": targets}}
    caption = caption_of("probing", {"figure": figure})
    assert ("pluses: nonlinear probes" in caption) == shown
    assert "selectivity" not in caption


def test_the_note_says_which_items_train_and_which_are_tested():
    table = probing_table(PHONE).assign(train="corpus: dutch", test="corpus: english", n_folds=1)
    note = note_of(draw(table))
    assert "phone (english): trained on corpus: dutch, tested on corpus: english." in note
    assert "Test scores with 95 % intervals" in note
