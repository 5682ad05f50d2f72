"""From a trained model to its certificate: quantise what was trained, write it down, and ask the quantised model for its risk."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from trainable.adapters.coding import gate_bits, round_gates
from trainable.bounds.certificate import Certificate
from trainable.bounds.message import Message
from trainable.bounds.quantisation import QUANTISATIONS, Quantised
from trainable.bounds.quantisation_aware import fine_tuned, put_vector, vector_of
from trainable.bounds.risk import Evaluation, empirical_risk
from trainable.bounds.units import sample, units
from trainable.bounds.windows import default_shift
from trainable.data.batches import train_batch
from trainable.learner import Learner
from trainable.spec.config import BoundsConfig
from trainable.train_step import token_loss


def certify(learner: Learner, settings: BoundsConfig) -> Certificate:
    """The certificate of the learner's model, which is as it was when this returns; nothing random but the sample, whose seed is the run's.

    Raises `WrongRequest` when the training data have nothing to predict, ValueError when a trained number is not finite.
    """
    context_length = learner.config.model.context_length
    parts = units(learner.data, settings.level_of_independence, context_length)
    drawn = sample(len(parts.starts), settings.samples, learner.config.training.seed)
    shift = settings.window_shift or default_shift(context_length)
    how = Evaluation(context_length, shift, learner.micro_batch_size, learner.device, learner.autocast)
    with _unchanged(learner.model):
        round_gates(learner.model)
        quantised = _quantised(learner, settings)
        put_vector(learner.model, quantised.values)
        risk = empirical_risk(learner.model, learner.data, parts, drawn, how)
        message = Message(tuple(quantised.counts), quantised.entry_bits, gate_bits(learner.model))
    return Certificate(
        message, risk, learner.data.vocab_size, parts.independent, drawn.draws, settings.epsilon, candidates=settings.num_candidates
    )


def _quantised(learner: Learner, settings: BoundsConfig) -> Quantised:
    z = vector_of(learner.model)
    found = QUANTISATIONS[settings.quantisation](z, settings.levels)
    if not settings.quantisation_aware_steps:
        return found
    learner.model.eval()  # no dropout: fine-tuning draws nothing

    def losses(step: int) -> Iterator[torch.Tensor]:
        return _losses(learner, step)

    return fine_tuned(learner.model, z, found, losses, steps=settings.quantisation_aware_steps, lr=settings.quantisation_lr)


def _losses(learner: Learner, step: int) -> Iterator[torch.Tensor]:
    """Loss by micro-batch on the training batches that follow the run's last one; their sum is the batch's mean in nats/token."""
    training = learner.config.training
    x, y = train_batch(
        learner.data.train,
        seed=training.seed,
        step=training.max_steps + 1 + step,
        batch_size=training.batch_size,
        context_length=learner.config.model.context_length,
    )
    for start in range(0, len(x), learner.micro_batch_size):
        share = slice(start, start + learner.micro_batch_size)
        inputs, targets = (torch.from_numpy(array[share]).to(learner.device) for array in (x, y))
        yield token_loss(learner.model, inputs, targets, learner.autocast) * (len(inputs) / len(x))


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Puts trained numbers and mode back as they were."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    before, was_training = [parameter.detach().clone() for parameter in trained], model.training
    try:
        yield
    finally:
        model.train(was_training)
        with torch.no_grad():
            for parameter, kept in zip(trained, before, strict=True):
                parameter.copy_(kept)
