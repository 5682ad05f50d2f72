import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.json_text import from_json

whole = st.integers(-(2**63), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | whole | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(values, st.booleans())
def test_it_is_what_the_standard_library_reads(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    read = from_json(text.encode(errors="surrogatepass"))
    assert json.dumps(read, ensure_ascii=ascii_only) == text


@pytest.mark.parametrize(("text", "value"), [(b"-Infinity", -math.inf), (b'{"a": 1e400}', {"a": math.inf}), (rb'"\ud800"', "\ud800")])
def test_what_is_no_strict_json_is_read_too(text: bytes, value: object) -> None:
    assert from_json(text) == value


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": 1}}', b'{"a": 1} {"b": 2}', b"\xff", b"nothing", b"{'a': 1}"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        from_json(text)
