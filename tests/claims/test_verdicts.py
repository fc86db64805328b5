"""Claims of the talk: the catalogue is complete and valid, and no claim passes because its control fails."""

import pandas as pd
import pytest

from auscult.claims.comparisons import FAILS, HOLDS, MISSING, OPEN
from auscult.claims.verdicts import CLAIM_COLUMNS, Claim, describe_verdicts, judge, read_claims
from auscult.errors import ConfigError
from auscult.study.families import FAMILIES


def claim(**more):
    entry = {
        "name": "tone-language",
        "family": "tone",
        "sentence": "Mandarin helps.",
        "source": "Shen et al. (2024)",
        "rows": {"metric": "accuracy"},
        "test": [{"above": {"model": "mandarin"}, "than": {"model": "english"}}],
        "compared": "Mandarin − English",
    }
    return Claim(**{**entry, **more})


def tables(mandarin=0.8, english=0.5, untrained=0.3):
    rows = pd.DataFrame({"model": ["mandarin", "english", "untrained"], "value": [mandarin, english, untrained]})
    rows = rows.assign(metric="accuracy", n=100, n_groups=24, chance=0.25, resampling_unit="speaker")
    return {"tone": rows.assign(ci_low=rows["value"] - 0.05, ci_high=rows["value"] + 0.05)}


def test_every_family_has_a_claim_and_every_claim_is_complete():
    claims = read_claims()
    assert {one.family for one in claims} == set(FAMILIES)
    assert len(claims) >= 40
    for one in claims:
        assert one.sentence.endswith(".")
        assert all([one.source, one.compared, one.decides, one.test])


@pytest.mark.parametrize(("mandarin", "verdict"), [(0.8, HOLDS), (0.55, OPEN), (0.2, FAILS)])
def test_a_verdict_follows_the_planted_difference(mandarin, verdict):
    row = judge([claim()], tables(mandarin)).iloc[0]
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx(mandarin - 0.5)
    assert (row["n"], row["n_groups"], row["resampling_unit"]) == (100, 24, "speaker")


@pytest.mark.parametrize("mandarin", [0.8, 0.2])
def test_a_claim_neither_passes_nor_fails_by_its_control(mandarin):
    controlled = claim(controls={"above untrained": {"above": {"model": "english"}, "than": {"model": "untrained"}}})
    assert judge([controlled], tables(mandarin)).iloc[0]["verdict"] != MISSING
    row = judge([controlled], tables(mandarin, untrained=0.5)).iloc[0]
    assert (row["verdict"], row["reason"]) == (MISSING, "its control does not hold: above untrained")
    assert row["controls"] == "above untrained: .00 [−.07, .07] does not hold"
    assert judge([controlled], tables(0.55, untrained=0.5)).iloc[0]["verdict"] == OPEN


def test_the_worst_of_several_comparisons_decides():
    several = claim(test=[*claim().test, {"above": {"model": "english"}, "than": {"model": "untrained"}}])
    assert judge([several], tables()).iloc[0]["verdict"] == HOLDS
    assert judge([several], tables(untrained=0.48)).iloc[0]["verdict"] == OPEN
    assert judge([several], tables(untrained=0.9)).iloc[0]["verdict"] == FAILS


def test_claims_of_families_that_a_study_lacks_cannot_be_tested():
    row = judge([claim()], {}).iloc[0]
    assert (row["verdict"], row["reason"]) == (MISSING, "the study has no tone")
    assert list(judge([claim()], {})) == list(CLAIM_COLUMNS)


def test_verdicts_are_counted_and_described():
    text = describe_verdicts(judge([claim()], tables()))
    assert text.splitlines() == [
        "1 claims: 1 borne out, 0 not separated, 0 contradicted, 0 cannot be tested here.",
        "  borne out: Mandarin helps. (Mandarin − English: .30 [.23, .37])",
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("a: {family: tone}", "expected the keys of a claim at a in "),
        (
            "a: {family: tone, sentence: s, source: s, rows: {}, compared: c, test: {greater: {}}}",
            "expected a comparison among above, below, positive, negative, within, descending at a in ",
        ),
    ],
)
def test_an_incomplete_claim_is_refused_with_its_place(tmp_path, entry, message):
    (tmp_path / "claims.yaml").write_text(entry)
    with pytest.raises(ConfigError, match=message):
        read_claims(tmp_path / "claims.yaml")
