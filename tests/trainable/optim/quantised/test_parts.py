from hypothesis import given
from hypothesis import strategies as st

from trainable.optim.quantised.parts import parts


@given(st.integers(1, 9), st.tuples(st.integers(0, 4), st.integers(1, 40), st.integers(0, 40)), st.integers(1, 3000))
def test_every_row_of_every_tensor_is_in_exactly_one_part(count: int, stack: tuple[int, int, int], limit: int) -> None:
    covered = []
    for tensors, row_slices in parts(count, stack, limit):
        for rows in row_slices:
            covered += [(tensor, row) for tensor in range(tensors.start, tensors.stop) for row in range(rows.start, rows.stop)]
            entries = (tensors.stop - tensors.start) * stack[0] * (rows.stop - rows.start) * stack[2]
            # One row is never split.
            assert entries <= max(limit, stack[0] * stack[2])
    assert sorted(covered) == [(tensor, row) for tensor in range(count) for row in range(stack[1])]


def test_small_tensors_go_together_and_large_ones_by_rows() -> None:
    assert list(parts(5, (1, 4, 8), 64)) == [(slice(0, 2), [slice(0, 4)]), (slice(2, 4), [slice(0, 4)]), (slice(4, 5), [slice(0, 4)])]
    assert list(parts(2, (1, 4, 8), 24)) == [(slice(i, i + 1), [slice(0, 3), slice(3, 4)]) for i in (0, 1)]
