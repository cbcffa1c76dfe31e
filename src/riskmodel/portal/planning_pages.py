"""From the risk list to a plan: the proposal for a pupil, what a person answers to it, the consent, the first draft."""

from __future__ import annotations

from typing import Any

from riskmodel.errors import UsageError
from riskmodel.latvia import municipalities
from riskmodel.messages import message
from riskmodel.portal.acting import ActingHandler, Filled
from riskmodel.portal.policy import Scope
from riskmodel.portal.published import Published
from riskmodel.portal.school_pages import cut
from riskmodel.support.catalogue import catalogue
from riskmodel.support.consents import RecordConsent
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.programmes import programmes
from riskmodel.support.proposal import Proposal, ProposedMeasure, free_hours_of, propose
from riskmodel.support.pupils import RecordStay
from riskmodel.support.reading import answers_of, consents_of, plans_of_pupil
from riskmodel.support.results import Answer, AnswerProposal
from riskmodel.support.risks import risk_items
from riskmodel.support.semesters import Semester, semester_of
from riskmodel.views import numbers, texts
from riskmodel.views.pupil_page import pupil_of
from riskmodel.views.texts import measure_name

RISKS = tuple(item.code for item in risk_items())
MEASURES = tuple(measure.code for measure in catalogue().measures)
OTHER_STAGE = ("preschool", 0)
SAID_ONCE = frozenset({"consent", "approved_plan"})
"""What every measure of a plan needs; the page says it once."""


class PlanningHandler(ActingHandler):
    """The proposal for one pupil, with the forms that make a plan of it."""

    async def get(self, _language: str, school_id: str, code: str) -> None:
        """Show the proposal."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code)
        await self._show(published, scope, code, Filled())

    @property
    def term(self) -> Semester:
        """The semester in which a plan would be begun today."""
        return semester_of(self.desk.today())

    async def _pupil(self, published: Published, scope: Scope, code: str) -> dict[str, Any]:
        extract = await self.desk.in_thread(lambda: cut(published, scope))
        return dict(pupil_of(extract, code))

    async def _proposal(self, published: Published, scope: Scope, code: str) -> tuple[Proposal, dict[str, str]]:
        one = await self._pupil(published, scope, code)
        telling = [
            reason
            for reason in sorted(one["reasons"], key=lambda reason: -reason["contribution"])
            if reason["contribution"] >= texts.SMALLEST_CONTRIBUTION and texts.is_telling(reason)
        ]
        sentences = {reason["feature_code"]: texts.sentence(reason, self.language) for reason in telling}
        school_id, term = scope.unit.split("/")[0], self.term
        hours = await self.read(lambda connection: free_hours_of(connection, school_id, term))
        return propose([reason["feature_code"] for reason in telling], hours), sentences

    async def _show(self, published: Published, scope: Scope, code: str, filled: Filled) -> None:
        school_id, pupil_id = scope.unit.split("/")
        proposal, sentences = await self._proposal(published, scope, code)
        term, today, language = self.term, self.desk.today(), self.language
        answers = await self.read(lambda connection: answers_of(connection, pupil_id, school_id, term))
        consents = await self.read(lambda connection: consents_of(connection, pupil_id, school_id, term))
        plans = await self.read(lambda connection: plans_of_pupil(connection, pupil_id, school_id))
        pupils = self.shown_pupils(published, [(school_id, pupil_id)])
        proposed = {risk.item.code for risk in proposal.risks}
        content = self.rendered(
            "planning.html.j2",
            filled,
            school_id=school_id,
            school=published.names[school_id],
            code=code,
            pupil=pupils[pupil_id],
            term=term.in_language(language),
            proposal=proposal,
            sentences_of=lambda risk: "; ".join(sentences[code] for code in risk.feature_codes),
            hint_of=self._hint,
            answers=answers,
            others=[item for item in risk_items() if item.code not in proposed],
            consents=consents,
            plans=[(plan, Semester(plan.school_year, plan.semester).in_language(language)) for plan in plans],
            live=next((p for p in plans if (p.school_year, p.semester) == (term.year, term.half)), None),
            programmes=[one for one in programmes() if one.takes_plans_on(today)],
            municipalities=[(one.code, one.name) for one in municipalities(today)],
            measure_name=lambda code: measure_name(code, language),
        )
        title = message("Plan for pupil {code}", code=code)
        self.whole_page(title, "home", published, scope, content)

    def _hint(self, one: ProposedMeasure) -> str:
        """Return what must be there before a measure, and how many hours are left for it."""
        parts = [
            condition.words(self.language)
            for condition in one.measure.conditions
            if condition.requires not in SAID_ONCE
        ]
        if one.free_hours is not None:
            shown = numbers.fixed(max(one.free_hours, 0.0), self.language, 0)
            parts.append(message("hours left this semester: {hours}", hours=shown).in_language(self.language))
        return "; ".join(parts)

    def other_language(self) -> str:
        """Return the address of the proposal in the other language."""
        path = self.request.path
        for part in ("/answers", "/consent", "/begin"):
            path = path.removesuffix(part)
        base = self.desk.front.base
        other = "en" if self.language == "lv" else "lv"
        return f"{base}{other}{path.removeprefix(f'{base}{self.language}')}"


class PlanningFormHandler(PlanningHandler):
    """Takes the answers to a proposal, the consent, and the beginning of the plan."""

    SUPPORTED_METHODS = ("POST",)
    FIELDS = ActingHandler.ACT_FIELDS | {
        *(f"verdict-{code}" for code in (*RISKS, *MEASURES)),
        *(f"reason-{code}" for code in (*RISKS, *MEASURES)),
        "giver",
        "channel",
        "signed_on",
        "received_on",
        "form_version",
        "platform",
        "sender",
        "is_own_profile",
        "has_full_text",
        "recipient",
        "why_no_paper",
        "file_reference",
        "order_id",
        "born_on",
        "is_in_care",
        "declared_municipality",
        "actual_municipality",
        "programme",
        "started_on",
        "consent_id",
        "is_psychoemotional",
        "is_finishing",
    }

    async def post(self, _language: str, school_id: str, code: str, form: str) -> None:
        """Take the answers, the consent, or the beginning of the plan."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code)
        pupil_id = scope.unit.split("/")[1]
        addresses = self.desk.addresses(self.language)
        try:
            if form == "begin":
                plan_code = await self._begin(published, scope, code, pupil_id)
                self.redirect(addresses.plan(plan_code), status=303)
                return
            await (self._consent if form == "consent" else self._answers)(published, scope, code, pupil_id)
        except UsageError as error:
            await self._show(published, scope, code, self.refused(form, error))
            return
        self.redirect(addresses.planning(school_id, code), status=303)

    async def _answers(self, published: Published, scope: Scope, code: str, pupil_id: str) -> None:
        proposal, _ = await self._proposal(published, scope, code)
        proposed = {risk.item.code for risk in proposal.risks}
        offered = {one.measure.code for one in proposal.measures}
        answers = []
        for kind, codes, own in (("risk", RISKS, proposed), ("measure", MEASURES, offered)):
            for line in codes:
                verdict = self.text(f"verdict-{line}")
                if verdict == "accepted" and line not in own:
                    verdict = "added"
                if verdict:
                    answers.append(Answer(kind, line, verdict, self.maybe(f"reason-{line}")))
        school_id = scope.unit.split("/")[0]
        await self.act(AnswerProposal(pupil_id, school_id, self.term.year, self.term.half, answers, published.run_id))

    async def _consent(self, published: Published, scope: Scope, code: str, pupil_id: str) -> None:
        school_id = scope.unit.split("/")[0]
        one = await self._pupil(published, scope, code)
        is_known = one["stage_kind"] is not None and one["stage_number"] is not None
        stage = (str(one["stage_kind"]), int(one["stage_number"])) if is_known else OTHER_STAGE
        stay = RecordStay(
            pupil_id,
            school_id,
            *stage,
            Semester(self.term.year, 1).first_on,
            one["class_code"],
            born_on=self.maybe_day("born_on"),
            is_in_care=self.ticked("is_in_care"),
            declared_municipality=self.maybe("declared_municipality"),
            actual_municipality=self.maybe("actual_municipality"),
        )
        consent = RecordConsent(
            pupil_id,
            school_id,
            self.term.year,
            self.term.half,
            self.text("giver"),
            self.text("channel"),
            self.day("signed_on"),
            self.maybe_day("received_on") or self.day("signed_on"),
            self.text("form_version"),
            platform=self.maybe("platform"),
            sender=self.maybe("sender"),
            is_own_profile=self.ticked("is_own_profile"),
            has_full_text=self.ticked("has_full_text"),
            recipient=self.maybe("recipient"),
            why_no_paper=self.maybe("why_no_paper"),
            order_id=self.whole("order_id", 0) or None,
            file_reference=self.maybe("file_reference"),
        )
        await self.act(stay, consent)

    async def _begin(self, published: Published, scope: Scope, code: str, pupil_id: str) -> str:
        """Begin the plan and fill it with what the person accepted; the draft is finished on its own page."""
        school_id = scope.unit.split("/")[0]
        proposal, sentences = await self._proposal(published, scope, code)
        answers = await self.read(lambda connection: answers_of(connection, pupil_id, school_id, self.term))
        accepted = {line: row for (kind, line), row in answers.items() if kind == "risk" and _is_in(row)}
        begun = BeginPlan(
            pupil_id,
            school_id,
            self.text("programme"),
            self.term.year,
            self.term.half,
            self.whole("consent_id", 0),
            self.day("started_on"),
            is_psychoemotional=self.ticked("is_psychoemotional"),
            is_finishing=self.ticked("is_finishing"),
        )
        (answer,) = await self.act(begun)
        plan_code = str(answer["plan_code"])
        risks = [RiskLine(line, _why(line, row, proposal, sentences), True) for line, row in accepted.items()]
        measures = [
            MeasureLine(line, [risk for risk in accepted if risk[:2] in groups], self.person.login)
            for line, groups in self._first_measures(answers)
            if any(risk[:2] in groups for risk in accepted)
        ]
        if risks:
            await self._fill(plan_code, risks, measures)
        return plan_code

    async def _fill(self, plan_code: str, risks: list[RiskLine], measures: list[MeasureLine]) -> None:
        """Fill a draft; where a measure asks for a paper that is not there yet, the draft is filled without it."""
        key = f"{self.field('key')}-fill"
        person, office = self.person, self.office
        for number, lines in enumerate((measures, [])):
            command = ChangePlan(plan_code, 1, risks, lines)
            try:
                await self.desk.in_thread(lambda: office.do(command, person, f"{key}-{number}"))  # noqa: B023
            except UsageError:
                continue
            return

    def _first_measures(self, answers: dict[tuple[str, str], Any]) -> list[tuple[str, tuple[str, ...]]]:
        """Return the accepted measures that need no subject: those of a subject are finished on the plan's page."""
        found = {measure.code: measure for measure in catalogue().measures}
        return [
            (line, found[line].risk_groups)
            for (kind, line), row in answers.items()
            if kind == "measure" and _is_in(row) and found[line].provider_role != "subject_teacher"
        ]


def _is_in(row: Any) -> bool:
    return row.verdict in {"accepted", "changed", "added"}


def _why(line: str, row: Any, proposal: Proposal, sentences: dict[str, str]) -> str | None:
    """Return the first words of a justification: the person's own, else what the data say."""
    if row.reason:
        return str(row.reason)
    codes = next((risk.feature_codes for risk in proposal.risks if risk.item.code == line), ())
    return "; ".join(sentences[code] for code in codes) or None
