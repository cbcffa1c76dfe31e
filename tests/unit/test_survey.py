"""What one pass over the bytes of a delivered file finds, also behind the blocks of which the letters are counted."""

from __future__ import annotations

import pytest

from riskmodel.sources import decoding


@pytest.mark.parametrize("spoilt", [b"\xc4", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xff"])
def test_bytes_that_are_no_text_are_found_in_the_last_block_of_a_long_file(tmp_path, monkeypatch, spoilt):
    monkeypatch.setattr(decoding, "BLOCK_BYTES", 64)
    path = tmp_path / "long.csv"
    path.write_bytes("Kļava;Ozols\n".encode() * 200 + spoilt + b";last\n")
    survey = decoding.survey_of(path, "utf-8")
    assert (survey.lines, survey.undecodable_lines, survey.first_undecodable_line) == (201, 1, 201)


@pytest.mark.parametrize(("end", "is_blank"), [(b"\n", False), (b"\n\n", True), (b"\r\n", False), (b"\r\n\r\n", True)])
def test_a_blank_line_is_found_wherever_a_block_ends(tmp_path, monkeypatch, end, is_blank):
    monkeypatch.setattr(decoding, "BLOCK_BYTES", 64)
    path = tmp_path / "lines.csv"
    path.write_bytes("Kļava;Ozols\n".encode() * 30 + b"Egle;Priede" + end + b"last;line\n")
    assert decoding.survey_of(path, "utf-8").has_blank_lines is is_blank
