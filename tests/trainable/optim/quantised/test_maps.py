import pytest
import torch
from bitsandbytes.functional import create_dynamic_map
from torch import Tensor

from trainable.optim.quantised.codebook import Codebook, codebook
from trainable.optim.quantised.maps import MAPS

CPU = torch.device("cpu")
# Of the paper's 4-bit formats (Li, Chen and Zhu 2023), and of torchao 0.18.
SIGNED_4BIT = [-0.8875, -0.6625, -0.4375, -0.2125, -0.0775, -0.0325, -0.0055, 0]
SIGNED_4BIT += [0.0055, 0.0325, 0.0775, 0.2125, 0.4375, 0.6625, 0.8875, 1]


@pytest.mark.parametrize(("name", "signed"), [("dynamic 8-bit signed", True), ("dynamic 8-bit unsigned", False)])
def test_the_8_bit_maps_are_bitsandbytes_to_the_bit(name: str, signed: bool) -> None:
    assert torch.equal(MAPS[name], create_dynamic_map(signed=signed))
    assert MAPS[name].unique().numel() == 256


def test_the_4_bit_maps_are_those_of_the_paper() -> None:
    torch.testing.assert_close(MAPS["dynamic 4-bit signed"], torch.tensor(SIGNED_4BIT), rtol=1e-6, atol=0)
    assert MAPS["linear 4-bit unsigned"].tolist() == [k / 16 for k in range(1, 17)]


def nearest_by_search(x: Tensor, values: Tensor) -> Tensor:
    """Compares every x with every value in float64; of two equally near values the upper one."""
    distances = (x.double()[:, None] - values.double()).abs()
    return (values.numel() - 1 - distances.flip(1).argmin(1)).to(torch.uint8)


@pytest.mark.parametrize("name", MAPS)
def test_codes_are_exactly_the_nearest(name: str) -> None:
    torch.manual_seed(0)
    values = MAPS[name]
    middle = (values[1:] + values[:-1]) / 2
    edges = [middle, torch.nextafter(middle, torch.tensor(2.0)), torch.nextafter(middle, torch.tensor(-2.0))]
    small = 10 ** (-10 * torch.rand(4000)) * torch.tensor([1.0, -1.0]).repeat(2000)
    x = torch.cat([*edges, values, small, 2 * torch.rand(4000) - 1, torch.tensor([0.0, -0.0, 1.0, -1.0])])
    assert torch.equal(codebook(name, CPU).nearest(x), nearest_by_search(x, values))


@pytest.mark.parametrize("name", MAPS)
def test_no_bucket_of_the_table_holds_two_limits(name: str) -> None:
    """Every float32 in [-1, 1] is thereby right: within a bucket the code changes at most once, at the bucket's limit."""
    book = codebook(name, CPU)
    upper = torch.arange(-(2**15), 2**15, dtype=torch.int32) << 16
    first, last = upper.view(torch.float32), (upper | 0xFFFF).view(torch.float32)
    inside = last.abs() <= 1
    change = book.nearest(last[inside]).int() - book.nearest(first[inside]).int()
    search = torch.searchsorted(book._limit.unique()[:-1], torch.stack([first[inside], last[inside]]), right=True)
    assert (search[1] - search[0]).abs().max() <= 1
    assert torch.equal(change, (search[1] - search[0]).int())


def test_pairs_of_4_bit_codes_are_decoded_upper_half_first() -> None:
    book = Codebook(MAPS["dynamic 4-bit signed"], CPU)
    codes = torch.arange(256, dtype=torch.uint8).view(2, 128)
    expected = torch.stack([book.values[codes.int() >> 4], book.values[codes.int() & 15]], dim=-1).flatten(1)
    assert torch.equal(book.decode_pairs(codes), expected)


def test_a_value_that_is_no_number_is_encoded_without_an_error() -> None:
    assert codebook("dynamic 8-bit signed", CPU).nearest(torch.tensor([torch.nan, -torch.nan])).shape == (2,)
