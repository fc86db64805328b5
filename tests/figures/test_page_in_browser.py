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
    page(folder, figure(folder, finding="Phones: .80"), figure(folder, "tone", title=EVIL), claims=claims)
    with browser(folder / "profile") as one:
        one.open(folder / "results" / "talk" / "index.html")
        yield one, folder


def open_table(one, family="probing"):
    one.run(f"document.querySelector('[data-rows={family}] summary').focus()")
    one.press("Enter")
    cell = f"document.querySelector('#rows-{family} td')"
    one.run(f"new Promise(done => {{ const wait = () => {cell} ? done() : setTimeout(wait, 10); wait(); }})")


def test_the_page_is_silent_and_no_request_leaves_its_folder(opened):
    one, folder = opened
    open_table(one)
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


def test_labels_stay_text(opened):
    one, _ = opened
    assert one.run("document.querySelectorAll('script').length") <= 3
    assert one.run("[...document.scripts].every(script => script.src)")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(opened, width, dark):
    one, folder = opened
    one.open(folder / "results" / "talk" / "index.html", width=width, dark=dark)
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
