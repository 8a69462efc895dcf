from reliability.soak.faults import check, cold, kinds, warm
from reliability.soak.faults.place import Answer
from reliability.soak.faults.warm import Outcome


def test_an_answer_fails_by_its_status_or_by_its_release():
    answers = [Answer(200, 0.01, "old"), Answer(500, 0.01, "old"), Answer(200, 0.01, "third"), Answer(0, 0.01)]
    assert warm.failures(answers, {"old", "new"}) == 3
    assert warm.failures(answers[:1], {"old", "new"}) == 0


def test_a_service_that_is_not_ready_must_say_when_to_try_again():
    assert cold.refused_rightly(Answer(503, 0.01, retry_after=True))
    assert not cold.refused_rightly(Answer(503, 0.01, retry_after=False))
    assert not cold.refused_rightly(Answer(500, 0.01, retry_after=True))


def test_a_failed_answer_a_slow_one_and_a_late_recovery_each_miss_a_goal():
    chosen = check.plan(quick=True)
    calm = [Outcome(warm.NO_FAULT, 10, 0, 0.020, 0.1)]
    good = [Outcome(fault.name, 10, 0, 0.021, 1.0) for fault in chosen.warm]
    assert {row.met for row in check.report(chosen, calm, good, good).rows} == {True, None}
    for changes in ({"failed": 1}, {"slowest": 5.0}, {"recovery": float("inf")}):
        bad = [Outcome(**{**vars(good[0]), **changes}), *good[1:]]
        for during, starting in ((bad, good), (good, bad)):
            missed = [row for row in check.report(chosen, calm, during, starting).rows if row.met is False]
            assert len(missed) == 1, changes
            assert "failed" not in changes or missed[0].measure.strip() == bad[0].fault


def test_cases_of_one_fault_share_a_row_with_their_sum():
    cases = [Outcome("no answer", 10, failed, 0.02, 1.0) for failed in (1, 2)]
    rows = check.report(check.plan(quick=True), [Outcome(warm.NO_FAULT, 10, 0, 0.02, 0.1)], cases, cases).rows
    shared = [row for row in rows if row.measure == "    no answer (2 cases)"]
    assert [(row.ours.median, row.met) for row in shared] == [(3, False), (3, False)]


def test_the_full_plan_has_every_fault_of_the_way_and_of_the_store():
    names = [fault.name for fault in check.plan(quick=False).warm]
    assert (len(names), len(set(names))) == (30, 20)
    assert {fault.name for fault in (*kinds.on_the_way(), *kinds.in_the_store())} <= set(names)
    assert {fault.name for fault in check.plan(quick=True).warm} == set(check.QUICK)
