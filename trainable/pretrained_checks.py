"""Everything that can be wrong with a request for pretrained weights, found before anything starts."""

from pathlib import Path

from trainable.data.tokenizer import TRAINED, read_tokenizer, vocabulary_size
from trainable.model.exported import PRETRAINED, is_exported
from trainable.model.size import resolved
from trainable.model.transformers_library import NOT_GIVEN
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest


def pretrained_mistakes(config: RunConfig) -> list[str]:
    """Whether the weights are there, and take in the tokens and the context that are asked for; [] without `model.pretrained`."""
    model = config.model
    if model.pretrained is None:
        return [NOT_GIVEN] if model.architecture == PRETRAINED else []
    try:
        shape = resolved(model)
    except WrongRequest as request:
        return request.mistakes
    found = _tokenizer_mistakes(config)
    if config.data.vocab_size > shape.vocab_size:
        found.append(f"data.vocab_size={config.data.vocab_size}: {model.pretrained} knows only {shape.vocab_size} tokens")
    if model.context_length > shape.context_length:
        found.append(f"model.context_length={model.context_length}: {model.pretrained} takes in at most {shape.context_length} tokens")
    if model.dropout and not is_exported(model.pretrained):
        found.append(f"model.dropout={model.dropout}: {model.pretrained} keeps the dropout of its own configuration; leave it at 0")
    return found


def _tokenizer_mistakes(config: RunConfig) -> list[str]:
    """A tokenizer trained on the data makes other tokens than those that the weights know."""
    if config.data.tokenizer != TRAINED:
        return []
    name = config.model.pretrained or ""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return [
            f"data.tokenizer={TRAINED} trains a tokenizer, and {name} knows only the tokens of its own: download the model"
            f" (hf download {name} --local-dir FOLDER) and set model.pretrained=FOLDER data.tokenizer=FOLDER"
        ]
    if not (folder / "tokenizer.json").is_file():
        return []
    size = vocabulary_size(read_tokenizer(folder))
    return [
        f"data.tokenizer={TRAINED} trains a tokenizer, and {name} knows only the tokens of its own:"
        f" set data.tokenizer={name} data.vocab_size={size}"
    ]
