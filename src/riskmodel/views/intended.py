"""What the assessment is for, what it is not for, and its limits: one text for pages, reports and the file for the law."""

from __future__ import annotations

from riskmodel.messages import Language, message

PURPOSES = (
    (
        message("It is for:"),
        message(
            "seeing in good time with whom to talk, planning the places for support of a school, and talking about the reasons that a school can change."
        ),
    ),
    (
        message("It is not for:"),
        message(
            "decisions without a person, refusing or ending support, punishment, marks, admission, or comparing teachers, classes or schools."
        ),
    ),
)
LIMITS = (
    message("It sees marks, absences and a few economic facts. It knows nothing of health, family, friends or wishes."),
    message(
        "Most pupils with a high-risk situation do not leave. A high place on the list is a reason to talk and no forecast of one person's life."
    ),
    message("Reasons show what goes with the assessment; they do not prove causes."),
    message("What is not in the data is shown as “no data” and never counted as zero or as a low risk."),
)


def purposes(language: Language) -> list[tuple[str, str]]:
    """Return how each purpose is introduced, and the purpose."""
    return [(lead.in_language(language), said.in_language(language)) for lead, said in PURPOSES]


def limits(language: Language) -> list[str]:
    """Return the limits, a sentence or two each."""
    return [limit.in_language(language) for limit in LIMITS]
