import pytest
import torch
from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise
from torch import Tensor

from trainable.optim.moment_plan import DYNAMIC_4BIT, DYNAMIC_8BIT, LINEAR_4BIT, BlockFormat
from trainable.optim.quantised.blockwise import dequantise, quantise
from trainable.optim.quantised.maps import MAPS

UNSIGNED_8BIT = BlockFormat("dynamic 8-bit unsigned", 8, 256)
FORMATS = [DYNAMIC_8BIT, UNSIGNED_8BIT, DYNAMIC_4BIT, LINEAR_4BIT]


def sample(form: BlockFormat, *shape: int) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return x if "unsigned" not in form.map_name else x.square()


def kept(x: Tensor, form: BlockFormat) -> Tensor:
    return dequantise(*quantise(x, form), x.shape[-1], form)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.map_name)
@pytest.mark.parametrize("width", [1, 7, 128, 129, 256, 344, 1000])
def test_is_block_wise_rounding_to_the_nearest_value_of_the_map(form: BlockFormat, width: int) -> None:
    x = sample(form, 3, 2, width)
    expected = torch.empty_like(x)
    for row, out in zip(x.view(-1, width), expected.view(-1, width), strict=True):
        for start in range(0, width, form.block_size):
            block = row[start : start + form.block_size]
            scale = block.abs().max()
            values = MAPS[form.map_name]
            out[start : start + form.block_size] = values[(block[:, None] / scale - values).abs().argmin(1)] * scale
    assert torch.equal(kept(x, form), expected)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.map_name)
@pytest.mark.parametrize("width", [1, 7, 128, 344])
def test_takes_the_bytes_that_the_format_declares(form: BlockFormat, width: int) -> None:
    codes, scales = quantise(sample(form, 3, 2, width), form)
    assert (codes.dtype, codes.shape) == (torch.uint8, (3, 2, form.code_bytes(width)))
    assert (scales.dtype, scales.shape) == (torch.float32, (3, 2, form.blocks(width)))


# Computed for normal values (their squares where the map is unsigned), in blocks as the formats have them.
TYPICAL = {"dynamic 8-bit signed": 0.0109, "dynamic 8-bit unsigned": 0.0065, "dynamic 4-bit signed": 0.152, "linear 4-bit unsigned": 0.189}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.map_name)
def test_the_relative_error_is_the_known_one(form: BlockFormat) -> None:
    x = sample(form, 1, 2**18)
    assert ((x - kept(x, form)).norm() / x.norm()).item() == pytest.approx(TYPICAL[form.map_name], rel=0.05)


@pytest.mark.parametrize(("form", "gap"), [(DYNAMIC_8BIT, 0.0141), (UNSIGNED_8BIT, 0.0071)], ids=["signed", "unsigned"])
def test_is_within_one_code_gap_of_bitsandbytes(form: BlockFormat, gap: float) -> None:
    """bitsandbytes' CPU kernel rounds to a table of 65536 values first, so that some of its codes are not the nearest."""
    x = sample(form, 64, 1024)
    theirs = dequantize_blockwise(*quantize_blockwise(x, code=MAPS[form.map_name], blocksize=256))
    scale = quantise(x, form)[1].repeat_interleave(256, dim=-1)
    assert ((kept(x, form) - theirs).abs() / scale).max() <= gap
    assert (x - kept(x, form)).norm() <= (x - theirs).norm()


def test_a_block_of_zeros_stays_zero_in_a_map_that_has_zero() -> None:
    zeros = torch.zeros(2, 300)
    assert torch.equal(kept(zeros, DYNAMIC_8BIT), zeros)
    assert torch.equal(kept(zeros, DYNAMIC_4BIT), zeros)


def test_the_4_bit_second_moment_is_never_zero() -> None:
    v = torch.cat([torch.zeros(128), 10 ** (-30 * torch.rand(896, generator=torch.Generator().manual_seed(0)))])
    assert kept(v.view(1, -1), LINEAR_4BIT).min() > 0


def test_a_block_with_a_value_that_is_no_number_is_none() -> None:
    x = torch.ones(1, 512)
    x[0, 3] = torch.nan
    assert torch.equal(kept(x, DYNAMIC_8BIT).isnan(), torch.arange(512)[None] < 256)
