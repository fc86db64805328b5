"""The page of a check: findings by recording, players, and nothing that a label could break."""

from html.parser import HTMLParser

from auscult.cli.check_page import write_page
from auscult.corpora.inspection import Finding, Inspection


class Tags(HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_labels_are_text_and_recordings_have_players(tmp_path):
    folder = tmp_path / "my corpus"
    folder.mkdir()
    (folder / "a#1.wav").write_bytes(b"RIFF")
    evil = "<script>alert(1)</script>"
    rows = [
        Finding("warning", "gap", "a#1.wav", "phone 0–1 s", evil, "cut"),
        Finding("error", "recording", "gone.wav", "", "nothing there", "refused"),
        Finding("note", "probing", "", "target <b>", "left out", "as described"),
    ]
    write_page(tmp_path / "out.html", {"mine": Inspection(("2 recordings",), rows), "made": "exact"}, {"mine": folder})
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    tags = Tags(text).found
    assert "script" not in {tag for tag, _ in tags}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert [about["src"] for tag, about in tags if tag == "audio"] == ["my%20corpus/a%231.wav"]
    assert "1 error, 1 warning, 1 note" in text
    assert "not inspected: exact" in text
    assert not [name for _, about in tags for name in about if name.startswith("on")]


def test_the_command_writes_the_page_and_what_the_study_needs_is_on_it(auscult, study, tmp_path):
    study.write_text(study.read_text().replace("column: gender", "column: accent"))
    printed = auscult("check", study, "--page", tmp_path / "found.html", status=1)
    assert "error: probing: 1" in printed
    assert "target gender: target 'gender': expected column 'accent' in the index" in printed
    assert f"all in {tmp_path / 'found.html'}" in printed
    text = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert "expected column &#39;accent&#39;" in text
