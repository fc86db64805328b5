"""The listening page in a real browser: it plays, cursor and table agree, all by keyboard, labels stay text."""

import json

import pytest
from browser import CHROMIUM, browser
from listening_cases import EVIL, RATE, corpus, heard_lanes, spelt_lanes, toned_lanes

from auscult.listening.page import build_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is no Python package")
HOP = 320


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening")
    heard = corpus(folder / "one", 2, labels=("les", EVIL, "dansent"), name="english")
    spelt = corpus(folder / "two", 1)
    toned = corpus(folder / "three", 1, name="mandarin", toned=True)
    lanes = [heard_lanes(heard, labels=("a", EVIL, "pause")), spelt_lanes(spelt), toned_lanes(toned)]
    corpora = {"english": heard, "french": spelt, "mandarin": toned}
    study = {"name": "default", "title": EVIL, "speech": {}}
    build_page(folder / "listen", lanes=lanes, corpora=corpora, study=study)
    with browser(folder / "profile") as one:
        yield one, folder


@pytest.fixture
def page(opened):
    """Open the page afresh; it shows the first utterance of the probe."""
    one, folder = opened
    one.messages.clear()
    one.open(folder / "listen" / "index.html")
    wait(one, "LISTEN.state()")
    return one


def wait(one, condition):
    one.run(
        f"new Promise((done, fail) => {{ const late = setTimeout(() => fail('never: ' + {condition!r}), 20000);"
        f"const look = () => ({condition}) ? (clearTimeout(late), done()) : setTimeout(look, 5); look(); }})"
    )


def state(one):
    return json.loads(one.run("JSON.stringify(LISTEN.state())"))


def choose(one, utterance):
    one.run(f"document.querySelector('#sets button[data-file=\"{utterance}\"]').focus()")
    one.press("Enter")
    wait(one, f"LISTEN.state().id !== '' && document.querySelector('[aria-current]').dataset.file === '{utterance}'")


def shown(one, selector):
    return one.run(f"[...document.querySelectorAll({selector!r})].map(node => node.textContent)")


def test_the_page_is_silent_and_no_request_leaves_its_folder(page, opened):
    choose(page, "002.js")
    folder = opened[1] / "listen"
    assert page.messages == []
    own = [url for url in page.requests if not url.startswith("data:image/png")]
    assert own
    assert all(url.startswith(folder.as_uri()) for url in own)


def test_labels_stay_text(page):
    assert page.run("document.querySelectorAll('img[onerror], img[src=x]').length") == 0
    assert page.run("[...document.scripts].every(script => script.src)")
    assert EVIL in shown(page, ".segment[data-tier=word]")
    assert any(EVIL in text for text in shown(page, ".heard td span"))


def test_the_sound_is_exact_and_a_word_plays_with_enter(page):
    assert state(page)["samples"] == RATE
    assert state(page)["rate"] == RATE
    page.run("document.querySelectorAll('.segment[data-tier=word]')[0].focus()")
    page.press("ArrowRight")
    page.press("Enter")
    wait(page, "LISTEN.state().playing")
    assert (state(page)["from"], state(page)["to"]) == (5866, 10132)
    wait(page, "!LISTEN.state().playing")
    assert state(page)["place"] == 10132


def test_cursor_segment_and_table_agree_while_it_plays(page):
    page.run("document.body.focus()")
    page.press(" ", "Space")
    wait(page, "LISTEN.state().playing && LISTEN.state().place > 4000")
    # All read within one frame of the screen, after the page has drawn.
    found = page.run(
        "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(["
        "new DOMMatrix(getComputedStyle(document.getElementById('cursor')).transform).e"
        "  / document.getElementById('tracks').clientWidth * 16000,"
        "LISTEN.state().place, document.querySelector('.segment.now[data-tier=phone]')?.textContent,"
        "document.getElementById('truth').textContent]))))"
    )
    cursor, place, phone, truth = found
    assert abs(cursor - place) < 2 * HOP
    length = (RATE - 3200) // 6
    assert phone in {"ab"[int((at - 1600) // length) % 2] for at in (cursor - HOP, cursor, cursor + HOP)}
    assert truth.startswith("true phone: ")
    page.press(" ", "Space")
    wait(page, "!LISTEN.state().playing")


def test_arrows_move_the_cursor_by_a_frame_and_the_table_follows(page):
    page.run("document.getElementById('scroll').focus()")
    for _ in range(6):
        page.press("ArrowRight")
    assert state(page)["place"] == 6 * HOP
    assert shown(page, "#truth") == [f"true phone: {EVIL}"]  # of frame 5, centred on sample 1800
    assert shown(page, ".segment.now") == ["les", "a"]


def test_layer_model_and_utterance_change_by_keys(page):
    assert state(page)["layer"] == "T1"
    page.press("]")
    assert state(page)["layer"] == "T2"
    assert shown(page, ".heard tr.chosen th") == ["T2"]
    assert state(page)["run"] == "hubert/9"
    page.press("m")
    assert state(page)["run"] == "hubert/0"
    assert state(page)["layer"] == "T2"
    page.press(".")
    wait(page, "LISTEN.state().id === 'english-1'")
    page.press(",")
    wait(page, "LISTEN.state().id === 'english-0'")


def test_spelling_mixing_and_attribution_of_a_recogniser(page):
    choose(page, "002.js")
    wait(page, "LISTEN.state().id === 'french-0'")
    assert shown(page, ".spelt tbody tr") == ["T1(nothing)", "T2le c"]
    assert shown(page, ".verdicts li") == [
        "“chats” (plural, audible only in “les”): written “chat”, wrong number; probability .20 against “chat”"
    ]
    page.run("document.querySelectorAll('.segment[data-tier=word]')[1].click()")
    wait(page, "document.querySelector('.matrix tr.now th')?.textContent === 'chats'")
    assert shown(page, "#said") == [
        "T2, attention: “chats” takes .30 from itself; of the others, most from “les” .60, then “dansent” .10."
    ]
    assert shown(page, ".cell")[:3] == ["+1.00", "–", "+.50"]
    assert shown(page, ".cell")[3:] == ["−1.00", "–", "+.50"]


def test_tones_and_f0_follow_the_cursor(page):
    choose(page, "003.js")
    wait(page, "LISTEN.state().id === 'mandarin-0'")
    assert shown(page, "#notes li") == ["Left out: lane mixing: no words"]
    label = page.run("document.querySelector('canvas[aria-label^=F0]').getAttribute('aria-label')")
    assert "F0: median 200 Hz, from " in label
    assert shown(page, ".tick") == ["150", "200"]
    assert shown(page, ".cell") == ["1", "1", "1", "3"]
    assert shown(page, ".cell .true") == ["1", "1", "3"]
    page.run("document.getElementById('scroll').focus()")
    for _ in range(20):
        page.press("ArrowRight")
    assert shown(page, "#time") == ["0.40 of 1.00 s · F0 200 Hz"]
    assert shown(page, "#tone") == ["ma3, true tone: 3"]
    assert shown(page, ".tones tbody tr") == ["T1.60.10.20.10.50", "T2.10.10.70.101.00"]
    assert shown(page, ".tones tr.chosen th") == ["T2"]
    assert shown(page, ".tones .true") == [".20", ".70"]
    page.press("[")
    assert shown(page, ".tones tr.chosen th") == ["T1"]
    page.run("document.querySelectorAll('.segment[data-tier=syllable]')[2].click()")
    wait(page, "document.getElementById('tone').textContent === 'no syllable with a tone'")
    assert shown(page, ".tones .true") == []


def test_words_are_silenced_by_key(page):
    choose(page, "002.js")
    wait(page, "LISTEN.state().id === 'french-0'")
    page.run("document.querySelectorAll('.segment[data-tier=word]')[1].click()")
    wait(page, "!LISTEN.state().playing && LISTEN.state().place > 5866")
    page.run("document.getElementById('scroll').focus()")
    page.press("ArrowLeft")
    assert shown(page, "#without") == ["Play without “chats”"]
    # Keep what is played: the spans of loud samples of every buffer.
    page.run(
        "(() => { const start = AudioBufferSourceNode.prototype.start; window.played = [];"
        "AudioBufferSourceNode.prototype.start = function (...all) {"
        "  const samples = this.buffer.getChannelData(0), loud = (from, to) => samples.slice(from, to).some(Boolean);"
        "  window.played.push([loud(2000, 5000), loud(5866, 10132), loud(10500, 14000)]);"
        "  return start.apply(this, all); }; })()"
    )
    page.press("w")
    wait(page, "window.played.length === 1")
    page.press("a")
    wait(page, "window.played.length === 2")
    assert page.run("window.played") == [[True, False, True], [True, False, False]]


def test_slower_sound_keeps_its_pitch_and_place(page):
    crossings = page.run(
        "(() => { const tone = Float32Array.from({ length: 8000 }, (_, i) => Math.sin(2 * Math.PI * 200 * i / 16000));"
        "return [1, 0.75, 0.5, 0.25].map(speed => { const slow = LISTEN.stretched(tone, speed); let n = 0;"
        "  for (let i = 1; i < slow.length; i++) n += slow[i - 1] < 0 && slow[i] >= 0;"
        "  return [slow.length, n / (slow.length / 16000)]; }); })()"
    )
    for (length, pitch_hz), speed in zip(crossings, (1, 0.75, 0.5, 0.25)):
        assert abs(length - 8000 / speed) <= 1
        assert abs(pitch_hz - 200) < 12
    # A click stays where it is, relative to the length.
    place = page.run(
        "(() => { const click = new Float32Array(8000); click[4000] = 1; const slow = LISTEN.stretched(click, 0.5);"
        "return slow.indexOf(Math.max(...slow)); })()"
    )
    assert abs(place - 8000) < 1200


def test_half_speed_takes_twice_as_long_and_the_cursor_follows(page):
    page.run("(s => { s.value = '0.5'; s.dispatchEvent(new Event('change')); })(document.getElementById('speed'))")
    page.run("document.querySelectorAll('.segment[data-tier=word]')[0].focus()")
    page.press("Enter")
    wait(page, "LISTEN.state().playing")
    begun = page.run("performance.now()")
    wait(page, "!LISTEN.state().playing")
    assert page.run("performance.now()") - begun > 1000 * (5866 - 1600) / RATE / 0.5 - 200
    assert state(page)["place"] == 5866


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(opened, width, dark):
    one, folder = opened
    one.open(folder / "listen" / "index.html", width=width, dark=dark)
    wait(one, "LISTEN.state()")
    for utterance in ("000.js", "002.js", "003.js"):
        one.run(f"document.querySelector('#sets button[data-file=\"{utterance}\"]').click()")
        wait(one, f"document.querySelector('[aria-current]').dataset.file === '{utterance}'")
        assert one.run("document.documentElement.scrollWidth") <= width
