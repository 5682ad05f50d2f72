import pytest

from trainable.model.size import parameter_shapes
from trainable.optim.parameter_roles import is_embedding_or_head, is_hidden_matrix, layer_count, layer_of
from trainable.spec.config import ModelConfig


@pytest.mark.parametrize("architecture", ["transformer_lm", "gpt2"])
def test_the_hidden_matrices_of_our_models_are_those_in_the_layers(architecture: str) -> None:
    shapes = parameter_shapes(ModelConfig(architecture=architecture, vocab_size=100))
    hidden = {name for name, shape in shapes.items() if is_hidden_matrix(name, shape)}
    assert hidden == {name for name, shape in shapes.items() if name.startswith("layers.") and len(shape) == 2}
    assert layer_count(shapes) == 4


@pytest.mark.parametrize(
    ("name", "outside", "layer"),
    [
        ("model.embed_tokens.weight", True, None),
        ("transformer.wte.weight", True, None),
        ("transformer.wpe.weight", True, None),
        ("lm_head.weight", True, None),
        ("model.layers.17.self_attn.q_proj.weight", False, 17),
        ("transformer.h.3.attn.c_attn.weight", False, 3),
        ("base_model.model.layers.2.attn.q_proj.lora_A.default.weight", False, 2),
        ("wide.weight", False, None),
    ],
)
def test_names_of_hugging_face_models_are_understood(name: str, outside: bool, layer: int | None) -> None:
    assert (is_embedding_or_head(name), layer_of(name)) == (outside, layer)


def test_names_without_numbers_have_no_layers() -> None:
    assert layer_count(["wide.weight"]) == 0
