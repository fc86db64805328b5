"""The page of a study in a real browser: silent, offline, usable by keyboard, and at the width of a phone."""

import pandas as pd
import pytest
from browser import CHROMIUM, browser
from test_talk import EVIL, figure, page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is no Python package")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    row = {"family": "probing", "sentence": EVIL, "source": "A (2025)", "verdict": "borne out", "compared": "x − y"}
    claims = pd.DataFrame([row | {"value": 0.1, "ci_low": 0.05, "ci_high": 0.25, "reason": None, "decides": "more"}])
    figures = [figure(folder, finding="Phones: .80"), figure(folder, "tone", title=EVIL), figure(folder, "mixing")]
    figures.append(figure(folder, "reliability"))
    rows = "model,method,fraction,value\nkeyword,lime,,0.75\nkeyword,lime,0.5,0.25\nkeyword,lime,1,0.5\n"
    (folder / "results" / "figures" / "reliability.csv").write_text(rows)
    scores(folder).to_csv(folder / "results" / "figures" / "mixing.csv", index=False)
    models = {"hubert": {"label": EVIL, "source": "trained", "colour": "#004488"}, "mfcc": {"source": "acoustic"}}
    models["keyword-1"] = {"label": "spotter, seed 1", "source": "finetuned"}
    charts = {"mixing": {"metric": "accuracy", "along": "layer"}}
    page(folder, *figures, claims=claims, models=models, charts=charts)
    with browser(folder / "profile") as one:
        one.open(folder / "results" / "talk" / "index.html")
        yield one, folder


def scores(folder):
    """Return a table of two metrics, three layers, a model before and after training, and a baseline."""
    rows = [
        {"metric": metric, "model": model, "step": step, "layer": layer, "value": value}
        for metric in ("r2", "accuracy")
        for model, step, first in (("hubert", "0", 0.2), ("hubert", "300", 0.5), ("mfcc", "final", 0.4))
        for layer, value in (("cnn", first), ("T1", first + 0.2), ("T2", first + 0.1))
    ]
    table = pd.DataFrame(rows)
    limits = {"ci_low": table["value"] - 0.05, "ci_high": table["value"] + 0.05}
    return table.assign(**limits, n=1718, n_groups=8, resampling_unit="speaker", chance=0.1)


def open_chart(one, family="mixing"):
    chart = f"document.querySelector('#chart-{family}')"
    one.run("document.documentElement.style.scrollBehavior = 'auto'")  # places are read at once
    if not one.run(f"{chart}.dataset.drawn ?? ''"):
        one.run(f"document.querySelector('[data-chart={family}] summary').focus()")
        one.press("Enter")
        drawn = f"({chart}.dataset.drawn || ({chart}.firstChild && {chart}.firstChild.tagName === 'P'))"
        one.run(f"new Promise(done => {{ const wait = () => {drawn} ? done() : setTimeout(wait, 10); wait(); }})")
    one.run(f"{chart}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    return chart


def dots(one, chart):
    """Return the centre of every dot of a chart in the window."""
    found = f"""[...{chart}.querySelectorAll('.mark-symbol.role-mark path')].map(dot => {{
        const box = dot.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2];
    }})"""
    return [tuple(point) for point in one.run(found)]


def open_table(one, family="probing"):
    one.run(f"document.querySelector('[data-rows={family}] summary').focus()")
    one.press("Enter")
    cell = f"document.querySelector('#rows-{family} td')"
    one.run(f"new Promise(done => {{ const wait = () => {cell} ? done() : setTimeout(wait, 10); wait(); }})")


def test_the_page_is_silent_and_no_request_leaves_its_folder(opened):
    one, folder = opened
    open_table(one)
    open_chart(one)
    assert one.messages == []
    assert one.requests
    assert all(url.startswith((folder / "results" / "talk").as_uri()) for url in one.requests)


def test_a_table_opens_sorts_and_filters_by_keyboard(opened):
    one, _ = opened
    cells = "[...document.querySelectorAll('#rows-tone td:first-child')].map(cell => cell.textContent)"
    open_table(one, "tone")
    assert one.run(cells) == ["hubert", EVIL]
    one.run("document.querySelector('#rows-tone th button').focus()")
    one.press("Enter")
    assert one.run(cells) == [EVIL, "hubert"]
    assert one.run("document.querySelector('#rows-tone th').getAttribute('aria-sort')") == "ascending"
    one.run("(f => { f.value = 'HUB'; f.dispatchEvent(new Event('input')); })(document.querySelector('#filter-tone'))")
    assert one.run(cells) == ["hubert"]
    assert one.run("document.querySelector('[data-rows=tone] [role=status]').textContent") == "1 row"


def test_pointing_at_a_dot_says_its_value_interval_and_n(opened):
    one, _ = opened
    chart = open_chart(one)
    said = set()
    for x, y in dots(one, chart)[:9]:
        one("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        said.add(one.run(f"{chart}.querySelector('.said').textContent"))
        assert one.run(f"!{chart}.querySelector('.tip').hidden")
        assert one.run(f"{chart}.querySelector('.tip').textContent === {chart}.querySelector('.said').textContent")
    assert f"{EVIL}, layer T1: .700 [.650, .750]; n = 1718, 8 speakers; chance .100" in said
    assert f"{EVIL}, untrained, layer cnn: .200 [.150, .250]; n = 1718, 8 speakers; chance .100" in said
    assert "mfcc, layer T2: .500 [.450, .550]; n = 1718, 8 speakers; chance .100" in said
    assert one.messages == []


def test_a_chart_is_read_and_changed_by_keyboard(opened):
    one, _ = opened
    chart = open_chart(one)
    one.run(f"{chart}.querySelector('.chart').focus()")
    said = f"{chart}.querySelector('.said').textContent"
    one.press("Home")
    assert one.run(said).startswith(f"{EVIL}, untrained, layer cnn: .200")
    one.press("ArrowRight")
    assert one.run(said).startswith(f"{EVIL}, untrained, layer T1: .400")
    one.press("End")
    assert one.run(said).startswith("mfcc, layer T2: .500")
    assert "accuracy by layer, 9 values" in one.run(f"{chart}.querySelector('.chart').getAttribute('aria-label')")
    one.run(f"""(select => {{ select.value = 'model'; select.dispatchEvent(new Event('change')); }})
        ({chart}.querySelector('select'))""")
    assert "accuracy by model, 3 values" in one.run(f"{chart}.querySelector('.chart').getAttribute('aria-label')")
    one.run(f"""(select => {{ select.value = 'layer'; select.dispatchEvent(new Event('change')); }})
        ({chart}.querySelector('select'))""")
    assert one.messages == []


def test_a_table_without_models_and_layers_is_drawn_all_the_same(opened):
    one, _ = opened
    chart = open_chart(one, "tone")
    one.run(f"{chart}.querySelector('.chart').focus()")
    one.press("Home")
    assert one.run(f"{chart}.querySelector('.said').textContent") == "hubert: .500, no interval".replace("hubert", EVIL)


def test_marks_of_a_trained_and_an_untrained_model_stand_out_from_a_dark_page(opened):
    one, folder = opened
    one.open(folder / "results" / "talk" / "index.html", dark=True)
    chart = open_chart(one)
    found = f"[...{chart}.querySelectorAll('.mark-symbol.role-mark path')].map(dot => getComputedStyle(dot).fill)"
    fills = {fill for fill in one.run(found) if fill.startswith("rgb(")}
    assert len(fills) >= 3
    assert min(contrast(fill, "rgb(29, 34, 39)") for fill in fills) >= 3
    one.open(folder / "results" / "talk" / "index.html")


def contrast(*colours):
    """Return the contrast of two colours by WCAG 2.2."""
    found = []
    for colour in colours:
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        found.append(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear)) + 0.05)
    return max(found) / min(found)


def test_rows_that_do_not_state_what_the_chart_goes_along_are_not_drawn(opened):
    one, _ = opened
    chart = open_chart(one, "reliability")
    along = f"{chart}.querySelector('select')"
    one.run(f"{along}.value = 'fraction'; {along}.dispatchEvent(new Event('change'))")
    assert "by fraction, 2 values" in one.run(f"{chart}.querySelector('.chart').getAttribute('aria-label')")
    one.run(f"{chart}.querySelector('.chart').focus()")
    one.press("Home")
    # The seeds of a condition, taken together in a table, have its look.
    said = one.run(f"{chart}.querySelector('.said').textContent")
    assert said == "spotter, fraction 0.5: .250, no interval"


def test_labels_stay_text(opened):
    one, _ = opened
    assert one.run("document.querySelectorAll('script').length") <= 9
    assert one.run("[...document.scripts].every(script => script.src)")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(opened, width, dark):
    one, folder = opened
    one.open(folder / "results" / "talk" / "index.html", width=width, dark=dark)
    open_chart(one)
    assert one.run("document.documentElement.scrollWidth") <= width
    assert one.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(21, 25, 29)" if dark else "rgb(251, 250, 248)"
    )


def test_the_page_for_mail_is_silent(opened):
    one, folder = opened
    one.messages.clear()
    one.open(folder / "results" / "talk" / "mail.html")
    assert one.messages == []
    one.run("Promise.all([...document.images].map(picture => { picture.loading = 'eager'; return picture.decode(); }))")
    assert one.run("[...document.images].every(picture => picture.naturalWidth > 0)")
