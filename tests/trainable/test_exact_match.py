from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trainable.data.prepare import prepare
from trainable.data.questions import Questions, questions
from trainable.downstream import Downstream
from trainable.exact_match import exact_match, greedy
from trainable.learner import Learner
from trainable.model.registry import build_model
from trainable.request import request_run
from trainable.spec.compose import compose_run
from trainable.spec.config import ModelConfig
from trainable.spec.metric_names import is_known
from trainable.spec.mistakes import WrongRequest

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Questions:
    config = compose_run(["data=capitalization", "data.word_length=4", "data.max_documents=100"]).data
    config.root = str(tmp_path_factory.mktemp("data"))
    found = questions(prepare(config), config, most=10)
    assert found is not None
    return found


class Knowing(nn.Module):
    """Answers by heart: the document that starts as the row does, whatever stands behind the prompt. Vocabulary of bytes."""

    def __init__(self, asked: Questions, documents: Sequence[str]) -> None:
        super().__init__()
        encode: Callable[[str], list[int]] = lambda text: asked.tokenizer.encode(text).ids  # noqa: E731
        self.known = [[asked.eot_token, *encode(document), asked.eot_token] for document in documents]

    def forward(self, tokens: Tensor) -> Tensor:
        logits = torch.zeros(*tokens.shape, 257)
        for row, line in enumerate(tokens.tolist()):
            document = next(known for known in self.known if known[1:5] == line[1:5])
            for time in range(min(len(line), len(document) - 1)):
                logits[row, time, document[time + 1]] = 1.0
        return logits


@pytest.mark.parametrize("architecture", ["transformer_lm", "gpt2"])
def test_greedy_decoding_is_that_of_one_prompt_at_a_time(architecture: str) -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(architecture=architecture, vocab_size=11, d_model=32, num_layers=2, num_heads=2, d_ff=48, dropout=0.5))
    prompts = [[1], [2, 3, 4, 5], [6, 7], [8, 9, 10]]
    together = greedy(model, prompts, 5, CPU)
    assert model.training
    model.eval()
    for prompt, found in zip(prompts, together, strict=True):
        line = list(prompt)
        for _ in range(5):
            line.append(int(model(torch.tensor([line]))[0, -1].argmax()))
        assert found == line[len(prompt) :]


def test_questions_are_the_test_documents(asked: Questions) -> None:
    assert len(asked.asked) == 10
    for question in asked.asked:
        assert question.prompt[0] == asked.eot_token
        prompt = asked.tokenizer.decode(question.prompt[1:])
        assert question.answer == f" {prompt[:4].capitalize()}"
    assert asked.longest == 1 + len("word ->") + len(" Word")


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_the_share_of_right_answers_is_exact(asked: Questions, rows: int) -> None:
    words = [asked.tokenizer.decode(question.prompt[1:5]) for question in asked.asked]
    right = [f"{word} -> {word.capitalize()}" for word in words[:6]]
    wrong = [f"{words[6]} -> {words[6]}", f"{words[7]} -> {words[7].capitalize()}s", f"{words[8]} -> ", f"{words[9]} -> Word"]
    assert exact_match(Knowing(asked, right + wrong), asked, rows=rows, device=CPU, autocast=None) == 0.6


def request(root: Path, *more: str) -> Learner:
    base = ["model=micro", "data=capitalization", "data.word_length=4", "data.max_documents=100", f"data.root={root}"]
    config = request_run([*base, "training.batch_size=4", "training.num_threads=1", *more])
    prepare(config.data)
    return Learner(config)


def test_the_metric_has_a_known_name_and_lies_between_none_and_all(data_root: Path) -> None:
    metrics = Downstream(request(data_root), batches=2).metrics()
    assert metrics == {"downstream/exact_match": 0.0}
    assert all(map(is_known, metrics))


def test_without_a_test_or_without_questions_there_is_no_metric(data_root: Path, corpus_file: Path) -> None:
    assert Downstream(request(data_root), batches=0).metrics() == {}
    text = ["data=text", f"data.path={corpus_file}", "data.word_length=null", "data.max_documents=null", "data.vocab_size=300"]
    assert Downstream(request(data_root, *text), batches=2).metrics() == {}


def test_a_question_longer_than_the_context_is_refused_before_training(data_root: Path) -> None:
    with pytest.raises(WrongRequest, match=r"model.context_length=12: a question of this data set and its answer take 13 tokens"):
        Downstream(request(data_root, "model.context_length=12"), batches=2)
    Downstream(request(data_root, "model.context_length=13"), batches=2)
