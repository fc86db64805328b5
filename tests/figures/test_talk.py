"""The page shows every figure with its provenance, is self-contained, and executes nothing that it is given."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from auscult.errors import AnalysisError, ManifestError
from auscult.figures.talk import build_talk, headline_numbers
from auscult.result_seals import seal_results

EVIL = "<script>alert(1)</script>"
STUDY = {
    "name": "default",
    "title": "The talk",
    "sources": {"english": "synthetic", "timit": "fetched"},
    "left_out": {},
}
CAPTION = "7 points. Method: module ``auscult.analyses.probing.analysis``.\n"
PARTS = {
    "Part I: controls": ["probing"],
    "Part II: importance": ["mixing", "reliability"],
    "Part III: outlook": ["tone", "syntax"],
}


class Page(HTMLParser):
    """Parsed page: its tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text += data


def figure(folder, name="probing", title="Probing", caption=CAPTION, **source):
    stem = folder / "results" / "figures" / name
    stem.parent.mkdir(parents=True, exist_ok=True)
    for ending in (".pdf", ".svg", ".png", ".csv", "-details.pdf"):
        stem.with_name(f"{name}{ending}").write_bytes(b"x")
    sheets = stem.with_name(f"{name}-details")
    sheets.mkdir(exist_ok=True)
    for number in range(1, 12):
        Image.new("RGB", (18, 24)).save(sheets / f"{number}.png")
    Image.new("RGB", (160, 90)).save(stem.with_suffix(".png"))
    stem.with_suffix(".csv").write_text(f"model,value\nhubert,0.5\n{EVIL},\n")
    made_from = {
        "study": "default",
        "commit": "",
        "config": "c0ffee",
        "tables": {},
        "corpora": {},
        "models": {},
        "versions": {},
    }
    stem.with_suffix(".json").write_text(json.dumps(made_from | source))
    stem.with_suffix(".rst").write_text(caption)
    return {"name": name, "title": title, "stem": stem}


def page(folder, *figures, study=STUDY, **more):
    build_talk(folder / "results" / "talk", figures=figures, parts=PARTS, study=study, **more)
    return Page((folder / "results" / "talk" / "index.html").read_text())


def test_the_page_shows_picture_caption_files_and_provenance_of_a_figure(tmp_path):
    shown = page(tmp_path, figure(tmp_path, models={"hubert/300": "beef"}, commit="01dc0de"), commit="abc123")
    assert ("img", "alt", "7 points.") in shown.attributes
    pictures = [value for tag, name, value in shown.attributes if (tag, name) == ("img", "src")]
    assert pictures == ["files/probing.png", *(f"files/probing-details-{number}.png" for number in range(1, 12))]
    assert ("img", "width", "160") in shown.attributes
    links = [value for tag, name, value in shown.attributes if tag in ("a", "link") and name == "href"]
    endings = (".pdf", ".svg", ".png", "-details.pdf", ".csv", ".json")
    figures = [f"../figures/probing{ending}" for ending in endings]
    assert links == ["files/talk.css", "#main", "#probing", *figures, "mail.html", "files/vega-LICENSE.txt"]
    assert all(
        text in shown.text
        for text in ("c0ffee", "hubert/300", "beef", "abc123", "01dc0de", "auscult.analyses.probing.analysis")
    )


def test_the_page_shows_the_finding_and_the_verdicts_of_each_figure(tmp_path):
    row = {"family": "probing", "sentence": "Phones are read.", "source": "A (2025)", "verdict": "not separated"}
    more = {
        "compared": "one − other",
        "decides": "more voices",
        "value": 0.1,
        "ci_low": -0.05,
        "ci_high": 0.25,
        "reason": None,
    }
    claims = pd.DataFrame([row | more, row | more | {"family": "tone", "sentence": EVIL, "value": None}])
    figures = [figure(tmp_path, finding="Phones: .80"), figure(tmp_path, "tone")]
    shown = page(tmp_path, *figures, claims=claims)
    text = " ".join(shown.text.split())
    assert "Phones: .80" in text
    assert "○ not separated Phones are read. A (2025). One − other: .10 [−.05, .25]. What would decide" in text
    assert "Of 2 claims of the talk and its papers, 2 not separated" in text
    assert shown.tags.count("script") == 1
    assert EVIL in shown.text


def test_the_table_is_a_script_in_which_labels_stay_text(tmp_path):
    page(tmp_path, figure(tmp_path))
    script = (tmp_path / "results" / "talk" / "files" / "probing.js").read_text()
    assert script == f'TALK.rows("probing", ["model", "value"], [["hubert", 0.5], [{json.dumps(EVIL)}, null]]);\n'


def test_models_of_charts_have_the_names_and_colours_of_the_figures(tmp_path):
    models = {"hubert": {"label": EVIL, "source": "trained", "colour": "#004488"}, "mfcc": {"source": "acoustic"}}
    page(tmp_path, figure(tmp_path), models=models, charts={"probing": {"along": "layer"}})
    files = tmp_path / "results" / "talk" / "files"
    script = (files / "looks.js").read_text()
    assert json.loads(script.removeprefix("Object.assign(TALK, ").removesuffix(");\n")) == {
        "looks": {"hubert": {"label": EVIL, "colour": "#004488"}, "mfcc": {"label": "mfcc", "colour": "#333333"}},
        "charts": {"probing": {"along": "layer"}},
    }
    assert (files / "vega-LICENSE.txt").read_text().startswith("Copyright (c) 2015")


def test_the_first_view_loads_no_chart(tmp_path):
    shown = page(tmp_path, figure(tmp_path))
    assert [value for tag, name, value in shown.attributes if (tag, name) == ("script", "src")] == ["files/talk.js"]
    assert ("details", "data-chart", "probing") in shown.attributes


def test_the_page_for_mail_is_a_single_file_without_scripts(tmp_path):
    page(tmp_path, figure(tmp_path))
    mail = Page((tmp_path / "results" / "talk" / "mail.html").read_text())
    assert not {"script", "link", "iframe", "object"} & set(mail.tags)
    sources = [value for _, name, value in mail.attributes if name in ("src", "href")]
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in sources)
    assert "This file for mail has no scripts: charts" in mail.text


def test_links_point_to_existing_files(tmp_path):
    shown = page(tmp_path, figure(tmp_path))
    for _, name, value in shown.attributes:
        local = name in ("href", "src") and not value.startswith(("#", "claims.csv"))
        if local:
            assert (tmp_path / "results" / "talk" / value).is_file(), value


def test_the_page_states_kinds_of_corpora_and_models_left_out(tmp_path):
    shown = page(
        tmp_path, figure(tmp_path), study=STUDY | {"left_out": {"wav2vec2-base": "the hub could not be reached"}}
    )
    assert "synthesised speech: english; recorded speech: timit" in shown.text
    assert "wav2vec2-base: the hub could not be reached" in shown.text


@pytest.mark.parametrize("place", ["title", "caption", "models", "study", "left_out"])
def test_markup_in_labels_is_escaped(tmp_path, place):
    given = {
        "title": {"title": EVIL},
        "caption": {"caption": EVIL},
        "models": {"models": {EVIL: EVIL}},
    }
    study = STUDY | ({"title": EVIL} if place == "study" else {"left_out": {EVIL: EVIL}} if place == "left_out" else {})
    shown = page(tmp_path, figure(tmp_path, **given.get(place, {})), study=study)
    assert shown.tags.count("script") == 1
    assert EVIL in shown.text


def test_captions_can_neither_include_files_nor_contain_raw_html(tmp_path):
    (tmp_path / "secret").write_text("hidden words")
    caption = f".. include:: {tmp_path / 'secret'}\n\n.. raw:: html\n\n   {EVIL}\n\nEnd.\n"
    shown = page(tmp_path, figure(tmp_path, caption=caption))
    assert "hidden words" not in shown.text
    assert shown.tags.count("script") == 1


def test_the_page_has_one_script_beside_it_and_makes_no_requests(tmp_path):
    shown = page(tmp_path, figure(tmp_path))
    policy = next(value for tag, name, value in shown.attributes if tag == "meta" and value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self';")
    assert [value for tag, name, value in shown.attributes if (tag, name) == ("script", "src")] == ["files/talk.js"]
    assert not {"style", "iframe", "object"} & set(shown.tags)
    assert not [name for _, name, _ in shown.attributes if name.startswith("on")]
    assert not [value for _, name, value in shown.attributes if name in ("src", "href") and "//" in value]


def test_figures_are_in_the_order_of_the_talk(tmp_path):
    figures = [figure(tmp_path, name, title=f"About {name}") for name in ("tone", "syntax", "mixing", "probing")]
    text = page(tmp_path, *figures).text.split("Part I:")[1]
    places = [text.index(f"About {name}") for name in ("probing", "mixing", "tone", "syntax")]
    assert places == sorted(places)


def test_the_page_is_reproducible_byte_for_byte(tmp_path):
    one = figure(tmp_path)
    page(tmp_path, one)
    before = (tmp_path / "results" / "talk" / "index.html").read_bytes()
    page(tmp_path, one)
    assert (tmp_path / "results" / "talk" / "index.html").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("probing.png", b"x", r"expected a whole picture in .*probing\.png, found a damaged one"),
        ("probing-details/3.png", None, r"expected a whole picture in .*3\.png, found a damaged one"),
        ("probing.json", b"", r"expected the provenance of figure 'probing' as a JSON object in .*, found other text"),
        (
            "probing.json",
            b"[1]",
            r"expected the provenance of figure 'probing' as a JSON object in .*, found other text",
        ),
        ("probing.csv", b"", r"expected a table in .*probing\.csv, found none"),
    ],
)
def test_a_damaged_file_of_a_figure_is_an_error(name, content, message, tmp_path):
    damaged = figure(tmp_path)
    path = damaged["stem"].parent / name
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    with pytest.raises(AnalysisError, match=message) as raised:
        page(tmp_path, damaged)
    assert "\n" not in str(raised.value)


def test_pages_of_details_are_compared_with_their_seals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swapped = figure(Path())
    sheets = swapped["stem"].with_name("probing-details")
    Image.new("RGB", (30, 40)).save(sheets / "1.png")
    seal_results([sheets])
    page(Path(), swapped)
    first, second = (sheets / "1.png").read_bytes(), (sheets / "2.png").read_bytes()
    (sheets / "1.png").write_bytes(second)
    (sheets / "2.png").write_bytes(first)
    with pytest.raises(ManifestError, match=r"for results/figures/probing-details/1\.png.*delete the folder"):
        page(Path(), swapped)


def test_a_missing_file_of_a_figure_is_an_error(tmp_path):
    missing = figure(tmp_path)
    missing["stem"].with_suffix(".png").unlink()
    with pytest.raises(
        AnalysisError, match=r"expected .*probing\.png of figure 'probing' for the page, found no such file"
    ):
        page(tmp_path, missing)
    assert not (tmp_path / "results" / "talk").exists()


def results(**columns):
    rows = pd.DataFrame({"layer": ["T1", "selected", "selected"], "value": [0.1, 0.71234, 0.2], **columns})
    return rows.assign(metric="accuracy", corpus="english", target="phone", model="hubert", step="300")


def test_headline_numbers_use_the_selected_layer_and_true_labels():
    numbers = headline_numbers([results(labels=["true", "true", "shuffled"])])
    assert numbers == {"accuracy": {"english": {"phone": {"hubert": {"300": 0.7123}}}}}


def test_headline_numbers_are_nested_by_probe_and_training_size():
    probes = results(labels="true", layer="selected").assign(value=[0.5, 0.6, 0.7], n_train=[float("nan"), 100, None])
    numbers = headline_numbers([probes.assign(probe=["ridge", "ridge", "mlp"])])["accuracy"]["english"]["phone"]
    found = {(probe, n): entry["hubert"]["300"] for probe, of in numbers.items() for n, entry in of.items()}
    assert found == {("ridge", "all"): 0.5, ("ridge", "100.0"): 0.6, ("mlp", "all"): 0.7}


def test_headline_numbers_exclude_comparisons_of_all_pairs_of_layers():
    table = results(layer="T1").assign(target=["layers", "models", "mel"])
    assert list(headline_numbers([table])["accuracy"]["english"]) == ["mel"]


def test_headline_numbers_are_nested_by_method_and_layer_without_missing_values():
    maps = results(method=["pca", "lda", "pca"], layer=["T1", "T1", "T2"]).assign(value=[0.1, 0.2, float("nan")])
    numbers = headline_numbers([maps])["accuracy"]["english"]["phone"]
    assert numbers == {"pca": {"T1": {"hubert": {"300": 0.1}}}, "lda": {"T1": {"hubert": {"300": 0.2}}}}
