"""A race that is kept up to date gives the rungs of one that is made anew."""

from hypothesis import given
from hypothesis import strategies as st

from sweeps.runner.schedulers.rivals import Rivals, Rung
from sweeps.runner.schedulers.rule import Curve
from sweeps.runner.schedulers.rungs import cost_at
from tests.sweeps.schedulers.racing import EXAMPLES, race

NAMES = [f"t{number}" for number in range(6)]
changes = st.lists(
    st.tuples(st.sampled_from(NAMES), st.none() | st.floats(0, 3).map(round) | st.just(float("nan")), st.booleans()), max_size=60
)


def placed(rung: Rung) -> list[tuple[float, str]]:
    found = [(rung.worth(place), rung.name(place)) for place in range(len(rung))]
    assert [rung.place(name) for _, name in found] == list(range(len(rung)))
    return found


@EXAMPLES
@given(changes)
def test_rungs_follow_every_change(changes):
    curves: dict[str, Curve] = {}
    rivals = Rivals(curves)
    for name, value, asked in changes:
        if value is None:
            curves.pop(name, None)
        else:
            points = curves[name].points if name in curves else ()
            curves[name] = Curve((*points, (10 * len(points) + 10, value)))
        rivals.changed(name)
        for level in (10, 20) if asked else ():
            held = {n: cost for n, curve in curves.items() if (cost := cost_at(curve, level, race())) is not None}
            rung = rivals.rung(level, lambda _, curve, level=level: cost_at(curve, level, race()))
            assert placed(rung) == sorted((cost, n) for n, cost in held.items())
            assert {n for n in NAMES if n in rung} == set(held)


def test_only_who_changed_is_looked_at_again():
    """A decision costs the same however many trials there are."""
    looked: list[str] = []

    def worth(trial: str, curve: Curve) -> float:
        looked.append(trial)
        return float(len(curve.points))

    curves = {name: Curve(()) for name in NAMES}
    rivals = Rivals(curves)
    rivals.rung("length", worth)
    assert sorted(looked) == NAMES
    looked.clear()
    rivals.rung("length", worth)
    assert looked == []
    for _ in range(3):
        rivals.changed("t2")
    rivals.rung("length", worth)
    assert looked == ["t2"]
