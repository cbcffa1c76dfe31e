"""Words of the codes that stand in the result tables: bands, groups, figures, models, rules, gates.

A code that has no words here is shown as it is, so that a new rule or gate never breaks a page; a test lists them.
"""

from __future__ import annotations

from collections.abc import Mapping

from riskmodel.messages import Language, Message, message

BANDS = {"high": message("high"), "medium": message("medium"), "low": message("low")}
STATES = {
    "scored": message("assessed"),
    "unsure": message("not certain"),
    "too_little_data": message("too little data"),
}
CHANGES = {
    "new": message("new on the list"),
    "up": message("risk has grown"),
    "down": message("risk has fallen"),
    "same": message("no notable change"),
}
GROUPS = {
    "attendance": message("Attendance"),
    "learning": message("Learning"),
    "economic": message("Economic situation"),
    "context": message("Context"),
}
GROUPS_NOT_KNOWN = {
    "attendance": message("attendance"),
    "learning": message("learning results"),
    "economic": message("economic situation"),
}
SCHOOL_KINDS = {
    "general": message("general education"),
    "vocational": message("vocational education"),
    "evening": message("evening or distance school"),
    "course": message("course of a public data set"),
}
ORIGINS = {
    "synthetic": message("invented data"),
    "public": message("public research data"),
    "real": message("data of schools"),
}
FIGURES = {
    "auc": message("Ranking quality (AUC)"),
    "average_precision": message("Average precision"),
    "brier": message("Brier score"),
    "log_loss": message("Log loss"),
    "ece": message("Calibration error (ECE)"),
    "calibration_gap": message("Mean prediction minus share who left"),
    "precision_at_capacity": message("Of those with a place, share who left"),
    "recall_at_capacity": message("Of those who left, share who had a place"),
    "lead_days_median": message("Days from the cut-off to leaving (median)"),
    "auc_gain": message("AUC: the model minus this one"),
    "recall_gain": message("Share reached: the model minus this one"),
    "average_precision_gain": message("Average precision: the model minus this one"),
    "missed_share": message("Missed: of those who left, share without a place"),
    "false_alarm_share": message("False alarms: of those who stayed, share with a place"),
    "precision": message("Of those with a place, share who left"),
    "selected_share": message("Share with a place"),
    "calibration_ratio": message("Those who left for one that was predicted"),
}
CAUSES = {
    "risk": message(
        "They leave at another rate than others: a score that means the same for everybody then errs unequally."
    ),
    "places": message(
        "At an equal score they get a place more or less often: their schools have other places or pupils."
    ),
    "measurement": message(
        "At an equal score they leave more or less often than others: records or the model mean something else for them. "
        "Look at how absences and marks are recorded before relying on the list."
    ),
    "unclear": message("The data do not tell why."),
}
MODELS = {
    "boosting": message("Model (monotone gradient boosting)"),
    "boosting_free": message("Gradient boosting without constraints"),
    "logistic": message("Logistic regression"),
    "ebm": message("Explainable boosting machine (EBM)"),
    "forest": message("Random forest"),
    "random": message("Rule: places by lot"),
    "school_rate": message("Rule: the school's past share"),
    "unexcused_over_20": message("Rule: more than 20 unexcused lessons"),
    "absence_over_10": message("Rule: absent for 10 % of lessons or more"),
    "on_track": message("Rule: on track with subjects"),
    "abc": message("Rule: attendance, behaviour, course results"),
    "previous_support": message("Rule: had support before"),
}
SPLITS = {
    "mature": message("Trained on outcomes known by the cut-off date"),
    "strict": message("Trained on outcomes known before the school year"),
    "school_disjoint": message("Trained on other schools"),
}
SUBSETS = {
    "all": message("All with a known outcome"),
    "not_seen_before": message("Pupils who are not in the training data"),
    "unsupported": message("Without new support in the window"),
    "supported": message("With new support in the window"),
    "all_censored_left": message("Bound: as if everyone with an unknown outcome had left"),
    "all_censored_stayed": message("Bound: as if everyone with an unknown outcome had stayed"),
}
TRAITS = {
    "sex": message("Sex"),
    "first_language": message("First language"),
    "has_special_needs": message("Special needs"),
    "low_income": message("Household of low income"),
    "stage_kind": message("Kind of stage"),
    "school_kind": message("Kind of school"),
    "instruction_language": message("Language of instruction"),
    "area_kind": message("City or county"),
    "municipality_code": message("Municipality"),
}
TRAIT_VALUES = {
    ("area_kind", "city"): message("state cities"),
    ("area_kind", "county"): message("counties"),
    ("sex", "f"): message("girls"),
    ("sex", "m"): message("boys"),
    ("first_language", "lv"): message("Latvian"),
    ("first_language", "ru"): message("Russian"),
    ("first_language", "en"): message("English"),
    ("first_language", "pl"): message("Polish"),
    ("first_language", "uk"): message("Ukrainian"),
    ("first_language", "be"): message("Belarusian"),
    ("first_language", "lt"): message("Lithuanian"),
    ("stage_kind", "grade"): message("grades"),
    ("stage_kind", "vet_year"): message("vocational years"),
    ("stage_kind", "course"): message("courses"),
}
FLAG_VALUES = {
    "true": message("yes"),
    "false": message("no"),
    "1": message("yes"),
    "0": message("no"),
    "no_data": message("no data"),
}
COHORT_USES = {
    "train": message("trained on"),
    "calibrate": message("calibrated on"),
    "test": message("tested on"),
    "current": message("assessed now"),
}
TABLES = {
    "school": message("Schools"),
    "pupil": message("Pupils"),
    "term": message("Terms"),
    "enrolment": message("Enrolments"),
    "attendance": message("Absences"),
    "lessons_planned": message("Planned lessons"),
    "mark": message("Marks"),
    "term_result": message("Term results"),
    "economic_area": message("Economy of the municipality"),
    "economic_pupil": message("Economic status of pupils"),
    "capacity": message("Places for support"),
    "support": message("Support given"),
}
GATES = {
    "school_rows": message("Change of a school's rows since the last run"),
    "schools_missing": message("Schools missing since the last run"),
    "quarantined_share": message("Rows put aside in a table"),
    "calibration_gap": message("Mean prediction minus share who left, newest matured cohort"),
    "foretold": message("Leavers of the newest matured cohort, as a multiple of those foretold"),
    "drift": message("Drift of a feature"),
    "recorded": message("Absences recorded many times more or fewer than before"),
    "leak": message("A single feature that ranks too well"),
    "additivity": message("Reasons that do not add up to the score"),
}
ASSUMPTIONS = {
    "capacity_share": message("No capacity was delivered: places are taken to be a share of the pupils"),
    "label_delay_days": message("Days after the window until an exit is taken to be reported"),
    "known_rule": message("Tables without a date of knowledge: the table's own rule sets it"),
}


def words(of: Mapping[str, Message], code: str, language: Language) -> str:
    """Return the words of a code; the code itself, spaced, where it has none.

    >>> words(BANDS, "high", "lv"), words(MODELS, "my_rule", "lv")
    ('augsts', 'my rule')
    """
    found = of.get(code)
    return found.in_language(language) if found else code.replace("_", " ")


def trait_value(trait_code: str, value: str, language: Language) -> str:
    """Return the words of one group of a trait, e.g. ``sex`` ``female``."""
    alike = {"instruction_language": "first_language"}.get(trait_code, trait_code)
    if trait_code == "school_kind":
        return words(SCHOOL_KINDS, value, language)
    found = TRAIT_VALUES.get((alike, value)) or FLAG_VALUES.get(str(value).lower())
    return found.in_language(language) if found else str(value)
