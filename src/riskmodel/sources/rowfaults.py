"""Why a row was put aside before its fields were checked: what must hold, and what a school office can do."""

from __future__ import annotations

from riskmodel.messages import Message, message

ROW_REASONS: dict[str, Message] = {
    "row_too_short": message(
        "A row must have as many fields as the header. This one has fewer: look for a line break inside a cell, or add the missing fields."
    ),
    "row_too_long": message(
        "A row must have as many fields as the header. This one has more: put quotation marks around a cell that holds the separator."
    ),
    "undecodable_row": message(
        "A row must be text in the encoding of its file. Type this row again and save the file as CSV UTF-8."
    ),
    "nul_byte": message(
        "A row must hold no NUL bytes. Type this row again; the file may have been damaged when it was copied."
    ),
    "cell_too_long": message(
        "A cell must be of a sensible length. Shorten it, and see whether a quotation mark is missing in this row or the one before."
    ),
    "broken_quote": message(
        "After the quotation mark that closes a cell the separator must follow. Write a quotation mark inside a cell twice."
    ),
    "control_character": message(
        "Names and register ids must hold no control characters. Type the cell again and deliver the file again."
    ),
    "name_too_long": message("A name must have at most 100 characters. Shorten it and deliver the file again."),
    "code_too_long": message("A register id must have at most 40 characters. Correct it and deliver the file again."),
    "code_form": message(
        "A personal code must have 11 figures (0 to 9), with or without a hyphen after the sixth. Correct it in the register."
    ),
    "code_lost_figure": message(
        "A personal code must have 11 figures; this one has 10. A spreadsheet probably dropped the leading zero: format the column as text and export again. Nothing is filled in by guess."
    ),
    "code_in_scientific_form": message(
        "A personal code must be written in figures. A spreadsheet turned this one into a rounded number and its last figures are lost: format the column as text and export again."
    ),
    "code_placeholder": message(
        "A personal code must be a real one. This one is a filler, such as all zeros: enter the right code in the register."
    ),
    "code_impossible_date": message(
        "A personal code that was given before July 2017 must begin with a day of the calendar. Compare it with the document and correct it in the register."
    ),
    "one_code_two_names": message(
        "One register id must belong to one pupil; here it stands with two names, so none of the rows was used. Twins or a typing error? Correct the code or the name in the register."
    ),
    "erased": message(
        "This pupil was erased from the store, and no delivery brings a pupil back who was. If it is to be otherwise, the steward lets the pupil in again with: riskmodel register readmit"
    ),
    "two_earlier_codes": message(
        "A pupil must have at most one earlier register id; here there are two. Correct them in the register."
    ),
    "earlier_code_of_two": message(
        "An earlier register id must belong to one pupil and differ from the present one. Correct it in the register."
    ),
    "period_unknown": message(
        "A row that is laid out over a period must have the period's first and last day, at most 400 days apart. Correct the period, or give its words in mapping.yaml."
    ),
    "count_unreadable": message("A count of lessons must be a whole number, 0 or more. Correct it in the register."),
    "count_too_large": message(
        "A count of lessons must fit into the school days of its period. Correct it, or raise lessons_per_day in mapping.yaml."
    ),
    "week_too_full": message(
        "A pupil's lessons of one week must fit into it (at most 80, and 16 a day). Look for lessons that stand twice under different numbers."
    ),
}
