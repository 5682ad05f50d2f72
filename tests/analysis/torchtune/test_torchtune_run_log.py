from hypothesis import given, settings
from hypothesis import strategies as st
from torchtune_set import run_log

from analysis.torchtune.run_log import parse_run_log


def test_a_whole_log() -> None:
    log = parse_run_log(run_log())
    assert log.summary["global_step"] == 1500.0
    assert (log.number("val_loss"), log.number("tokens_per_second_per_gpu")) == (0.02345, 1224.3)
    assert (log.elided, log.summaries, log.trouble) == (9, 1, [])
    assert [(bar.epoch, bar.step, bar.done, bar.total, bar.elapsed_seconds) for bar in log.bars] == [
        (0, 500, 500, 500, 94),
        (1, 1000, 500, 500, 94),
        (2, 1500, 500, 500, 94),
    ]
    assert (log.final_loss, log.steps, log.training_seconds, log.finished) == (0.00154, 1500, 282, True)


def test_the_same_under_ray_and_in_colours() -> None:
    plain = parse_run_log(run_log())
    assert parse_run_log(run_log(prefix="(TaskRunner pid=132393) ")) == plain
    assert parse_run_log(run_log(mark="\x1b[34m\x1b[1mwandb\x1b[0m")) == plain


def test_keys_with_blanks_split_at_the_last_one_and_the_block_ends_at_the_empty_line() -> None:
    text = "wandb: Run summary:\nwandb:       train loss 1.87978\nnoise\nwandb:  state finished\nwandb: \nwandb: later 3\n"
    assert parse_run_log(text).summary == {"train loss": 1.87978, "state": "finished"}


def test_the_loss_of_the_bar_has_every_digit_and_comes_first() -> None:
    text = "1|5|Loss: 0.0015438219: 100%|##| 5/5 [00:01<00:00]\nwandb: Run summary:\nwandb: loss 0.00154\n"
    assert parse_run_log(text).final_loss == 0.0015438219
    assert parse_run_log("wandb: Run summary:\nwandb: loss 0.00154\n").final_loss == 0.00154


def test_nan_and_infinity_are_no_numbers() -> None:
    log = parse_run_log("1|5|Loss: nan: 50%|#| 5/10 [1:00:01<59:00]\nwandb: Run summary:\nwandb: loss nan\nwandb: val_loss inf\n")
    assert (log.final_loss, log.number("val_loss"), log.finished, log.training_seconds) == (None, None, False, 3601)


def test_what_was_done_again_counts_once_and_the_last_summary() -> None:
    first = run_log(epochs=2, loss=9.0).replace("wandb: Run summary:", "wandb: Run summary:", 1)
    log = parse_run_log(first + run_log(epochs=3, loss=0.5))
    assert ([bar.epoch for bar in log.bars], log.final_loss, log.summaries) == ([0, 1, 2], 0.5, 2)


def test_trouble_is_kept_once_and_bars_are_none() -> None:
    same = "mv: 'slurm-1.out' and '/x/slurm-1.out' are the same file"
    log = parse_run_log(f"RuntimeError: CUDA out of memory\n{same}\n{same}\n1|5|Loss: 0.5: 100%|error| 5/5 [00:01<00:00]\n")
    assert log.trouble == ["RuntimeError: CUDA out of memory", same]


def test_nothing_is_nothing() -> None:
    log = parse_run_log("")
    assert (log.summary, log.bars, log.final_loss, log.steps, log.training_seconds, log.finished) == ({}, [], None, None, None, None)


keys = st.text(st.sampled_from("abz_/ "), min_size=1, max_size=12).map(lambda key: " ".join(key.split())).filter(bool)
numbers = st.floats(allow_nan=False).map(float)


@settings(max_examples=60)
@given(st.dictionaries(keys, numbers, max_size=6), st.sampled_from(["", "(TaskRunner pid=7) "]), st.integers(0, 40), st.booleans())
def test_what_was_printed_is_read(values: dict[str, float], prefix: str, elided: int, ended: bool) -> None:
    width = max(map(len, values), default=0)
    lines = ["wandb: Run summary:", *(f"wandb: {key:>{width}} {value!r}" for key, value in values.items())]
    lines += [f"wandb: +{elided} ..."] * bool(elided) + ["wandb:", "wandb: View run at x 9"] * ended
    log = parse_run_log("\n".join(prefix + line for line in lines))
    assert (log.summary, log.elided) == (values, elided)


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(["wandb:", "Run summary:", " ", "\r", "\n", "1|2|Loss: ", "3:", "+9 ...", "50%|#| 1/2 [00:01<", "\x1b[1m", "é"])
    )
)
def test_any_text_is_survived(parts: list[str]) -> None:
    log = parse_run_log("".join(parts))
    assert log.elided >= 0
    assert all(bar.elapsed_seconds >= 0 for bar in log.bars)
