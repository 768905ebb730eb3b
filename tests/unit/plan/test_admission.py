from __future__ import annotations

from hostpod.plan.admission import admit_pods


def test_all_are_taken_where_there_is_room() -> None:
    admission = admit_pods(["b", "a"], [], max_pods=2)
    assert (admission.taken, admission.refused) == (("a", "b"), ())


def test_what_is_here_stays_when_there_are_too_many() -> None:
    admission = admit_pods(["a", "b", "c"], ["c"], max_pods=2)
    assert (admission.taken, admission.refused) == (("c", "a"), ("b",))


def test_a_pod_that_is_wished_no_more_takes_no_room() -> None:
    admission = admit_pods(["a"], ["gone"], max_pods=1)
    assert (admission.taken, admission.refused) == (("a",), ())
