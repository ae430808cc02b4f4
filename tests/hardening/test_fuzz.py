"""Readers of what strangers send: any bytes end in a value or in the refusal that is theirs, in bounded time.

The targets are shared with `python -m hardening.fuzz`, which looks for new paths with atheris as long as it
is told to. Here hypothesis changes good examples, cuts and joins them, and repeats parts of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardening.targets import DEARER, SEEDS, STEPS, TARGETS, TooMuch, counted, run
from runplane.cli.yaml_edit import changed, put
from support.trials import trials

pytestmark = pytest.mark.detail

EXAMPLES = trials(60, 5_000)
# What has a meaning in one of the grammars, or broke a reader of them somewhere.
PIECES = (
    b"", b"\0", b"\n", b"\r\n", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"%00", b"%", b"%ZZ", b"..", b"/",
    b"[", b"]", b"{", b"}", b'"', b"\\", b"\\u0000", b"\\ud800", b",", b":", b";", b"=", b"==", b"=@", b"&",
    b"&a ", b"*a", b"!!python/object:os.system ", b"- ", b"? ", b"|\n", b"#", b"---\n", b"%YAML 9.9\n",
    b"<<: ",
    b"NaN", b"1e999", b"-", b"9" * 30, b"null", b"true", b".", b"e30", b"=" * 3, b" " * 9, b"\t", b"a" * 50,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What is imported or compiled at the first use is no step of a reader."""
    for name, target in TARGETS.items():
        for data in SEEDS[name]:
            target(data)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A good example with something put in, taken out, repeated or joined to another."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 12)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(data[at:end]))
        data = data[:at] + piece * draw(st.integers(0, 3)) + data[end:]
    return data


@pytest.mark.clause("json.strict", "upload.logo")
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_end_in_order(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=damaged(SEEDS[name]) | st.binary(max_size=60))
    def examine(data: bytes) -> None:
        run(name, data)

    examine()


@pytest.mark.clause("filter.linear")
@pytest.mark.parametrize(
    "name", [pytest.param(it, marks=pytest.mark.slow if it in DEARER else ()) for it in TARGETS]
)
@pytest.mark.parametrize(
    "piece", [b"a", b"[", b"{", b'{"a":', b"- ", b",name==", b"..", b"%25", b"\\", b'"', b"a="]
)
def test_much_of_the_same_costs_no_more_than_its_length(name: str, piece: bytes) -> None:
    """What makes a reader quadratic is usually one piece over and over."""
    run(name, piece * (8_000 // len(piece)))


@pytest.mark.clause("yaml.safe")
@pytest.mark.parametrize("name", ["organization", "yaml-edit"])
def test_a_few_lines_do_not_stand_for_billions(name: str) -> None:
    """Nine lists of nine aliases each: written out, or compared with themselves, they end no day."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{it}: &{it} [{', '.join(['*' + chr(ord(it) - 1)] * 9)}]" for it in "bcdefghijklm"]
    run(name, "\n".join([*lines, ""]).encode())


def test_a_list_whose_dash_stands_alone_is_edited() -> None:
    """Found by atheris: ruamel.yaml's guess at the indentation ended in an IndexError."""
    given = "users:\n -\n  name: a\n"
    found = changed(Path("config"), given, lambda document: put(document, "kind", "Config"))
    assert yaml.safe_load(found) == {"users": [{"name": "a"}], "kind": "Config"}


@pytest.mark.parametrize("name", ["organization", "yaml-edit"])
def test_what_holds_itself_is_refused(name: str) -> None:
    for data in (b"a: &a [*a]\n", b"a: &a {b: *a}\n", b"&a [*a]\n"):
        run(name, data)


def test_every_target_has_examples_to_start_from() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    for name in TARGETS:
        for data in SEEDS[name]:
            run(name, data)


def test_steps_are_counted() -> None:
    """The counterpart: a quadratic reader is seen."""

    def quadratic(data: bytes) -> None:
        for _ in data:
            for _ in data:
                pass

    with counted(STEPS):
        quadratic(b"a" * 10)
    with pytest.raises(TooMuch), counted(STEPS):
        quadratic(b"a" * 1_000)
