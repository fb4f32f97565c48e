"""The ledger: each statement, held against the least evidence that breaks it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.domain.cases import Case
from pipeline.domain.ledger import (
    ANOMALIES,
    EXAMPLES_MAX,
    Corrected,
    Evidence,
    Heard,
    Kept,
    Noted,
    Place,
    Raised,
    Report,
    Stitched,
    check,
)
from pipeline.domain.limits import CASE_ALERTS_MAX

AT = datetime(2026, 9, 1, tzinfo=UTC)
FIRST, SECOND, THIRD = (Place("feedback", 0, offset) for offset in (0, 1, 2))


def stitched(moment: str, offset: int, **changes: Any) -> Stitched:
    """Answer the moment that feedback[0]@offset makes, of person p."""
    plain = Stitched(Place("moments", 0, offset), moment, "p", 1000 + offset, (0, offset), None)
    return plain._replace(**changes)


def kept(*moments: tuple[str, int], **changes: Any) -> Kept:
    """Answer the timeline of person p."""
    return Kept("p", None, tuple(moments), len(moments), len(moments))._replace(**changes)


def case(name: str = "c", **changes: Any) -> Case:
    """Answer a case of person p that answers alert a."""
    fields = {"version": 1, "person": "p", "touchpoint": "billing", "team": "billing", "severity": "normal", "hurts": 1}
    return Case.model_validate({"id": name, **fields, "opened_at": AT, "respond_by": AT, "alerts": ("a",), **changes})


def corrected(offset: int, alert: str | None, moment: str = "n", **changes: Any) -> Corrected:
    """Answer a correction of a moment of person p, which the policy wants ``alert`` of billing for."""
    place, order = Place("moments", 1, offset), (AT, str(offset))
    return Corrected(place, moment, "p", order, alert and (alert, "billing"))._replace(**changes)  # type: ignore[arg-type]


ALERT = Raised(Place("alerts.billing", 0, 0), "a", "m", "v1", True)
OTHER = ALERT._replace(alert="b", moment="n", opens_case=False)
WHOLE = Evidence(
    heard=(Heard(FIRST, 5000, "m"), Heard(SECOND, 5000, "n"), Heard(THIRD, 5000, None)),
    stitched=(stitched("m", 0, alert=("a", "billing")), stitched("n", 1)),
    kept=(kept(("m", 1000), ("n", 1001)),),
    rejected={THIRD: "schema"},
    raised=(ALERT,),
    cases=(case(),),
    policy="v1",
)


def red(evidence: Evidence) -> dict[str, int]:
    """Answer what was found."""
    return {name: found.count for name, found in check(evidence).anomalies.items() if found.count}


def test_whole() -> None:
    """Evidence in which everything follows is clean, and the verdict says so in a sentence."""
    report = check(WHOLE)
    assert report.clean
    assert report.verdict == "lost 0, doubled 0, phantom 0, one outcome for each"
    assert report.totals == {
        "feedback": 3,
        "events": 3,
        "remembered": 2,
        "rejected": 1,
        "persons": 1,
        "alerts": 1,
        "cases": 1,
    }
    assert report.reasons == {"schema": 1}
    assert tuple(report.anomalies) == ANOMALIES


def test_nothing_at_all() -> None:
    """An empty house is clean."""
    assert check(Evidence()).clean


def one(name: str) -> dict[str, int]:
    """Answer one anomaly of that name."""
    return {name: 1}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({"kept": (kept(("m", 1000)),)}, one("lost"), id="on no timeline"),
        pytest.param({"rejected": {}}, one("lost"), id="no good and not in rejects"),
        pytest.param({"kept": (kept(("m", 1000), ("n", 1001), counted=3),)}, one("doubled"), id="counted too often"),
        pytest.param(
            {"kept": (kept(("m", 1000), ("n", 1001)), kept(("n", 1001), person="q"))}, one("doubled"), id="on two"
        ),
        pytest.param({"kept": (kept(("m", 1000), ("n", 1001), counted=1),)}, one("count-drift"), id="too seldom"),
        pytest.param({"kept": (kept(("m", 1000), ("n", 1001), signs=1),)}, one("count-drift"), id="signs"),
        pytest.param({"kept": (kept(("m", 1000), ("n", 1001), ("o", 7)),)}, one("phantom"), id="nobody said it"),
        pytest.param(
            {"rejected": {THIRD: "schema", Place("feedback", 0, 3): "schema"}}, one("phantom"), id="reject of nothing"
        ),
        pytest.param({"rejected": {THIRD: "schema", SECOND: "timeout"}}, one("double-outcome"), id="two outcomes"),
        pytest.param(
            {"rejected": {THIRD: "schema", Place("moments", 0, 1): "stage_failed"}},
            one("double-outcome"),
            id="rejected later and there",
        ),
        pytest.param({"raised": (), "cases": ()}, one("missing-alert"), id="not told"),
        pytest.param(
            {"raised": (ALERT, ALERT._replace(alert="b", opens_case=False))}, one("duplicate-alert"), id="two ids"
        ),
        pytest.param(
            {"raised": (ALERT, ALERT._replace(alert="b", moment="n", opens_case=False))},
            one("phantom-alert"),
            id="no rule",
        ),
        pytest.param(
            {"raised": (ALERT._replace(place=Place("alerts.care", 0, 0)),)}, one("phantom-alert"), id="wrong team"
        ),
        pytest.param({"corrected": (corrected(0, "b"),)}, one("missing-alert"), id="corrected and not told"),
        pytest.param(
            {"corrected": (corrected(0, None), corrected(1, "b")), "raised": (ALERT, OTHER._replace(alert="c"))},
            {"missing-alert": 1, "phantom-alert": 1},
            id="no reading of it",
        ),
        pytest.param(
            {"corrected": (corrected(0, "b", person="q"),), "raised": (ALERT, OTHER)},
            one("phantom-alert"),
            id="corrected for somebody else",
        ),
        pytest.param(
            {
                "corrected": (corrected(0, "b"),),
                "raised": (ALERT, OTHER),
                "rejected": {THIRD: "schema", Place("moments", 1, 0): "cannot_correct"},
            },
            one("phantom-alert"),
            id="a correction that was rejected",
        ),
        pytest.param({"cases": ()}, one("missing-case"), id="no case"),
        pytest.param({"cases": (case(), case("d", touchpoint="app"))}, one("double-case"), id="in two cases"),
        pytest.param({"cases": (case(), case("d", alerts=("z",)))}, one("double-case"), id="two open at one place"),
        pytest.param(
            {"stitched": (WHOLE.stitched[0], stitched("n", 1), stitched("x", 2, origin=(0, 0)))},
            one("inversion"),
            id="overtaken",
        ),
        pytest.param({"kept": (kept(("m", 1000), ("n", 999)),)}, one("inversion"), id="at the wrong time"),
        pytest.param({"outbox": ("a",)}, one("stale-outbox"), id="never confirmed"),
        pytest.param({"noted": (Noted("k", "/s", "1", "ok"),)}, one("unseen"), id="confirmed and not there"),
        pytest.param({"noted": (Noted("m", "/s", "1", "fail"),)}, one("phantom"), id="refused and there"),
    ],
)
def test_anomaly(changes: dict[str, Any], found: dict[str, int]) -> None:
    """Each statement that does not hold is found once, under its own name."""
    if "overtaken" in str(changes) or any(s.moment == "x" for s in changes.get("stitched", ())):
        changes["heard"] = (*WHOLE.heard, Heard(Place("feedback", 0, 3), 5000, "x"))
        changes["kept"] = (kept(("m", 1000), ("n", 1001), ("x", 1002)),)
    report = check(replace(WHOLE, **changes))
    assert red(replace(WHOLE, **changes)) == found
    assert not report.clean
    assert next(iter(found)) in report.verdict or "two outcomes" in report.verdict


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"heard": (*WHOLE.heard, Heard(Place("feedback", 0, 3), 5000, "m"))}, id="said twice"),
        pytest.param(
            {
                "heard": (*WHOLE.heard, Heard(Place("feedback", 0, 3), 5000, "m")),
                "rejected": {THIRD: "schema", FIRST: "timeout"},
            },
            id="rejected once, remembered the other time",
        ),
        pytest.param(
            {
                "kept": (kept(("m", 1000)),),
                "rejected": {THIRD: "schema", Place("moments", 0, 1): "stage_failed"},
            },
            id="rejected as a moment",
        ),
        pytest.param(
            {"kept": (*WHOLE.kept, kept(("n", 1001), person="q", moved_to="p"))}, id="of a person who has moved"
        ),
        pytest.param(
            {
                "cases": (case(), case("d", person="q")),
                "kept": (*WHOLE.kept, kept(person="q", moved_to="p")),
            },
            id="cases of persons who proved to be one",
        ),
        pytest.param({"cases": (case(alerts=("z",) * CASE_ALERTS_MAX),)}, id="a case that is full"),
        pytest.param({"raised": (*WHOLE.raised, ALERT)}, id="an alert delivered twice"),
        pytest.param({"corrected": (corrected(0, "b"),), "raised": (ALERT, OTHER)}, id="a hurt that was found out"),
        pytest.param({"corrected": (corrected(0, None, "m"),)}, id="no hurt any more, told before"),
        pytest.param({"corrected": (corrected(0, None, "m"),), "raised": (), "cases": ()}, id="no hurt from the start"),
        pytest.param(
            {"corrected": (corrected(0, "b", "m"),), "raised": (ALERT, OTHER._replace(moment="m"))},
            id="an alert for each reading",
        ),
        pytest.param({"corrected": (corrected(1, None), corrected(0, "b"))}, id="the latest correction counts"),
        pytest.param(
            {
                "corrected": (corrected(0, "b", person="q"),),
                "raised": (ALERT, OTHER),
                "kept": (*WHOLE.kept, kept(person="q", moved_to="p")),
            },
            id="corrected before the person moved",
        ),
        pytest.param({"corrected": (corrected(0, "b", "nowhere"),)}, id="a correction of nothing"),
        pytest.param(
            {"corrected": (corrected(0, "b"),), "raised": (ALERT, OTHER._replace(policy="v0", alert="z"))},
            id="corrected under another policy",
        ),
        pytest.param(
            {"raised": (ALERT._replace(policy="v0", alert="z"),), "cases": (case(alerts=("z",)),)}, id="policy"
        ),
        pytest.param(
            {"cases": (), "rejected": {THIRD: "schema", ALERT.place: "stage_failed"}}, id="an alert that was rejected"
        ),
        pytest.param(
            {
                "stitched": (*WHOLE.stitched, stitched("z", 2, origin=(0, 9))),
                "kept": (kept(("m", 1000), ("n", 1001), ("z", 1002)),),
            },
            id="published while it was checked",
        ),
        pytest.param(
            {"kept": (kept(("m", 1000), ("n", 1001), ("o", 7)),), "horizon_ms": 4000}, id="older than what is kept"
        ),
        pytest.param({"noted": (Noted("k", "/s", "1", "info"), Noted("k", "/s", "1", "fail"))}, id="refused"),
        pytest.param({"noted": (Noted("m", "/s", "1", "ok"), Noted("m", "/s", "1", "fail"))}, id="confirmed before"),
    ],
)
def test_no_anomaly(changes: dict[str, Any]) -> None:
    """What at-least-once delivery, merges, retention and time may bring is none."""
    assert red(replace(WHOLE, **changes)) == {}


def test_behind() -> None:
    """What the workers have not read is told, and the report is not clean; an outbox in use is no anomaly then."""
    report = check(replace(WHOLE, lag={"feedback": 3, "moments": 0}, outbox=("a",)))
    assert (report.behind, report.lag, report.clean) == (3, {"feedback": 3}, False)
    assert red(replace(WHOLE, lag={"feedback": 3}, outbox=("a",))) == {}


def test_examples_are_bounded() -> None:
    """However much is wrong, ten examples of each are told and all of it is counted."""
    heard: Sequence[Heard] = [Heard(Place("feedback", 1, offset), 1, f"m{offset}") for offset in range(100)]
    report: Report = check(Evidence(heard=heard))
    assert report.anomalies["lost"].count == 100
    assert len(report.anomalies["lost"].examples) == EXAMPLES_MAX
    assert report.anomalies["lost"].examples[0] == "feedback[1]@0: moment m0 is on no timeline"
