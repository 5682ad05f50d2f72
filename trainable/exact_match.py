"""Greedy decoding, and the share of questions that it answers to the letter."""

from collections.abc import Sequence

import torch
from torch import nn

from trainable.data.questions import Questions


def exact_match(model: nn.Module, questions: Questions, *, rows: int, device: torch.device, autocast: torch.dtype | None) -> float:
    """Share in [0, 1] of the questions whose greedily decoded answer is the right text and ends there; `rows` are asked at once.

    White space around an answer does not count: tokenizers differ in what they make of the blank before a word.
    """
    right = 0
    for first in range(0, len(questions.asked), rows):
        batch = questions.asked[first : first + rows]
        # One token more than the longest answer: the end of text, or whatever stands there instead.
        budget = max(question.answer_length for question in batch) + 1
        answers = greedy(model, [question.prompt for question in batch], budget, device, autocast)
        right += sum(questions.text(tokens).strip() == question.answer.strip() for tokens, question in zip(answers, batch, strict=True))
    return right / len(questions.asked)


@torch.no_grad()
def greedy(
    model: nn.Module, prompts: Sequence[Sequence[int]], new_tokens: int, device: torch.device, autocast: torch.dtype | None = None
) -> list[list[int]]:
    """The `new_tokens` likeliest next tokens after each prompt, one after the other; the model is put back as it was.

    Prompts of different lengths are padded on the right, where a causal model cannot look. The last token is never fed back:
    the model sees at most the longest prompt and `new_tokens` - 1 tokens.
    """
    was_training = model.training
    model.eval()
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    rows = torch.arange(len(prompts), device=device)
    tokens = torch.zeros(len(prompts), int(lengths.max()) + new_tokens, dtype=torch.long, device=device)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt, device=device)
    for done in range(new_tokens):
        seen = tokens[:, : int(lengths.max()) + done]
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            logits = model(seen)
        tokens[rows, lengths + done] = logits[rows, lengths + done - 1].argmax(dim=-1)
    model.train(was_training)
    return [tokens[row, length : length + new_tokens].tolist() for row, length in enumerate(lengths.tolist())]
