"""However often and with whatever overlaps secrets are renewed: at most two live, and no end is put off."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.clock import instant
from runplane.server.core.errors import Invalid
from runplane.server.identity.clients.model import MAX_OVERLAP, is_live, parse_overlap, survivor
from runplane.server.identity.records import SecretRow

START = 1_800_000_000
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

# (seconds until the renewal, its overlap in seconds, whether the database lists secrets newest first, as it
# may when replicas disagree about the time); zero overlap is the default of the wire
renewals = st.lists(
    st.tuples(
        st.integers(1, 2 * MAX_OVERLAP), st.one_of(st.just(0), st.integers(1, MAX_OVERLAP)), st.booleans()
    ),
    max_size=12,
)


def secret(number: int, at: int) -> SecretRow:
    return SecretRow(f"{number:04}", b"", "", instant(at), None, None)


@given(renewals)
def test_every_history(history: list[tuple[int, int, bool]]) -> None:
    secrets, at = [secret(0, START)], START
    # The rule without rows: only the latest secret survives a renewal, and only for the overlap.
    ends: dict[str, int] = {}
    for number, (wait, overlap, backwards) in enumerate(history, start=1):
        at += wait
        kept = survivor(secrets[::-1] if backwards else secrets, instant(at), overlap)
        for old in range(number):
            ends[f"{old:04}"] = at + overlap if old == number - 1 else at
        secrets = [*([replace(kept[0], expires_at=kept[1])] if kept else []), secret(number, at)]
        assert len(secrets) <= 2
        for moment in (at, at + overlap - 1, at + overlap):
            live = {it.id for it in secrets if is_live(it, instant(max(moment, at)))}
            expected = {it for it, end in ends.items() if end > max(moment, at)}
            assert live == expected | {f"{number:04}"}


@given(st.integers(0, 9_999_999), st.sampled_from("smhd"))
def test_an_overlap_is_its_number_times_its_unit_up_to_the_limit(number: int, unit: str) -> None:
    seconds = number * UNITS[unit]
    if seconds <= MAX_OVERLAP:
        assert parse_overlap(f"{number}{unit}") == seconds
    else:
        with pytest.raises(Invalid, match="at most 30d"):
            parse_overlap(f"{number}{unit}")


@given(st.text(max_size=8))
def test_any_text_is_refused_with_a_sentence_or_is_a_span_within_the_limit(text: str) -> None:
    fits = re.fullmatch("[0-9]{1,7}[smhd]", text) is not None or not text
    if fits and (not text or int(text[:-1]) * UNITS[text[-1]] <= MAX_OVERLAP):
        assert 0 <= parse_overlap(text) <= MAX_OVERLAP
    else:
        with pytest.raises(Invalid, match="overlap must be"):
            parse_overlap(text)
