"""The pages of support that schools, municipalities and the state act on: tasks, one plan, a consultation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.portal.acting import ActingHandler, Filled, OfPlanHandler, wrong
from riskmodel.portal.published import Published
from riskmodel.settings import HERE
from riskmodel.support.catalogue import catalogue
from riskmodel.support.compensations import CloseCompensation, DecideCompensation, Expense, RequestCompensation
from riskmodel.support.consultations import AcknowledgeConsultation, CancelConsultation, RecordConsultation
from riskmodel.support.life import FROM, ClosePlan, MovePlan
from riskmodel.support.orders import RecordCertificate
from riskmodel.support.plans import ChangePlan, MeasureLine, RiskLine, measure_of
from riskmodel.support.reading import Plan, tasks_of
from riskmodel.support.results import AssessPlan
from riskmodel.support.risks import risk_groups, risk_items
from riskmodel.support.rules import rulebook
from riskmodel.support.semesters import Semester
from riskmodel.support.verbs import Command
from riskmodel.views.texts import measure_name

MEASURE_ROWS = 10
USUAL_MINUTES = 40
RISKS = tuple(item.code for item in risk_items())
ROW_FIELDS = ("code", "subject", "provider", "times", "risks")


class TasksHandler(ActingHandler):
    """What waits for this person in this part of the semester."""

    async def get(self, _language: str) -> None:
        """Show it."""
        published = self.desk.published()
        scope = await self.allowed(published)
        person, today = self.person, self.desk.today()
        tasks = await self.read(lambda connection: tasks_of(connection, person, today))
        pupils = [(one.plan.school_id, one.plan.pupil_id) for one in tasks.plans]
        pupils += [(row.school_id, row.pupil_id) for row in tasks.unacknowledged]
        content = self.rendered(
            "tasks.html.j2",
            Filled(),
            tasks=tasks,
            pupils=self.shown_pupils(published, pupils),
            measure_name=lambda code: measure_name(code, self.language),
            schools=published.names,
        )
        self.whole_page(message("My tasks"), "tasks", published, scope, content)


class PlanHandler(OfPlanHandler):
    """One plan."""

    async def get(self, _language: str, code: str) -> None:
        """Show it as far as the reader's task goes."""
        await self.show_plan(code, Filled())

    async def show_plan(self, code: str, filled: Filled) -> None:
        """Show a plan, and a refused form with what was entered."""
        published = self.desk.published()
        scope, found = await self.the_plan(published, code)
        people = await self.staff_of(found.plan.school_id)
        content = self.rendered("plan.html.j2", filled, people=people, **self._shown(published, found))
        self.whole_page(message("Plan {code}", code=code), "tasks", published, scope, content)

    def _shown(self, published: Published, found: Plan) -> dict[str, Any]:
        plan, language = found.plan, self.language
        term = Semester(plan.school_year, plan.semester)
        is_own = found.reader in {"support", "director", "teacher"}
        pupils = self.shown_pupils(published, [(plan.school_id, plan.pupil_id)]) if is_own else {}
        names = {item.code: item.names.in_language(language) for item in risk_items()}
        return {
            "found": found,
            "plan": plan,
            "term": term.in_language(language),
            "pupil": pupils.get(plan.pupil_id),
            "school": published.names.get(plan.school_id, plan.school_id),
            "steps": self._open_steps(found),
            "is_in_hand": found.is_writer and plan.status in {"DRAFT", "UNDER_REVISION"},
            "is_open": plan.status in {"APPROVED", "IN_PROGRESS"},
            "risk_names": names,
            "risk_groups": [
                (words.in_language(language), [item for item in risk_items() if item.group == group])
                for group, words in risk_groups().items()
            ],
            "measures": [
                (measure.code, measure.names[language], measure.kind)
                for measure in catalogue().measures
                if measure.kind in {"consultation", "compensation"} or measure.provider_role == "mentor"
            ],
            "measure_name": lambda code: measure_name(code, language),
            "is_compensation": lambda code: measure_of(code).kind == "compensation",
            "is_consultation": lambda code: measure_of(code).kind == "consultation",
            "rows": MEASURE_ROWS,
            "row_fields": ROW_FIELDS,
            "may_act": found.reader in {"support", "director"} or found.is_writer,
        }

    def _open_steps(self, found: Plan) -> list[str]:
        """Return the steps that this person can take with the plan now."""
        status, reader = found.plan.status, found.reader
        steps = [action for action, statuses in FROM.items() if status in statuses]
        is_level = found.plan.waits_for == reader
        may = {
            "submit": found.is_writer,
            "approve": is_level,
            "return": is_level,
            **dict.fromkeys(("suspend", "resume", "revise", "delete"), found.is_writer or reader == "director"),
        }
        return [action for action in steps if may[action]]


class PlanFormHandler(PlanHandler):
    """Takes the forms of a plan's page, each under its own address."""

    SUPPORTED_METHODS = ("POST",)
    FIELDS = ActingHandler.ACT_FIELDS | {
        # contents
        "version",
        "supervisor",
        "is_psychoemotional",
        "is_finishing",
        *(f"risk-{code}" for code in RISKS),
        *(f"why-{code}" for code in RISKS),
        *(f"m{row}-{name}" for row in range(MEASURE_ROWS) for name in ROW_FIELDS),
        # steps, results, papers
        "action",
        "reason",
        "removes_contents",
        "assessor",
        "assessed_on",
        "marks",
        "motivation",
        "participation",
        "following",
        "has_goal",
        "told",
        "decision",
        "certificate_kind",
        "issued_on",
        "valid_from",
        "valid_to",
        "municipalities",
        "measure_code",
        "month",
        "amount",
        "is_on_placement",
        "compensation_id",
        "is_granted",
        "document",
        "document_on",
        "document_amount",
        "consultation_id",
        "acknowledgement_kind",
        "acknowledged_on",
        "acknowledgement_reference",
        "is_signed",
    }

    async def post(self, _language: str, code: str, form: str) -> None:
        """Carry out what the form says, and go back to the plan; or show it again with what stands in the way."""
        published = self.desk.published()
        await self.the_plan(published, code, is_recorded=False)
        try:
            command = await self._command(published, code, form)
            await self.act(command)
        except UsageError as error:
            await self.show_plan(code, self.refused(form, error))
            return
        self.redirect(self.desk.addresses(self.language).plan(code), status=303)

    async def _command(self, published: Published, code: str, form: str) -> Command:
        made: Mapping[str, Callable[[str], Command]] = {
            "contents": self._contents,
            "step": self._step,
            "assessment": self._assessment,
            "closing": self._closing,
            "compensation": self._compensation,
            "decision": self._decision,
            "documents": self._documents,
            "acknowledgement": self._acknowledgement,
            "cancelled": self._cancelled,
        }
        if form == "certificate":
            _, found = await self.the_plan(published, code, is_recorded=False)
            return self._certificate(found)
        return made[form](code)

    def _contents(self, code: str) -> ChangePlan:
        risks = [RiskLine(risk, self.maybe(f"why-{risk}")) for risk in RISKS if self.ticked(f"risk-{risk}")]
        measures = [
            MeasureLine(
                self.text(f"m{row}-code"),
                self.text(f"m{row}-risks").replace(",", " ").split() or [risk.risk_code for risk in risks],
                self.maybe(f"m{row}-provider"),
                self.maybe(f"m{row}-subject"),
                self.whole(f"m{row}-times", 0) or None,
            )
            for row in range(MEASURE_ROWS)
            if self.text(f"m{row}-code")
        ]
        return ChangePlan(
            code,
            self.whole("version"),
            risks,
            measures,
            self.maybe("supervisor"),
            self.ticked("is_psychoemotional"),
            self.ticked("is_finishing"),
        )

    def _step(self, code: str) -> MovePlan:
        given = self.text("action")
        action = next((action for action in FROM if action == given), None)
        if action is None:
            raise wrong(message("The step is not one of the list."))
        return MovePlan(
            code,
            self.whole("version"),
            action,
            self.maybe("reason"),
            removes_contents=self.ticked("removes_contents"),
        )

    def _assessment(self, code: str) -> AssessPlan:
        return AssessPlan(
            code,
            self.text("assessor"),
            self.day("assessed_on"),
            self.text("marks") or "not_known",
            self.text("motivation") or "not_known",
            self.text("participation") or "not_known",
            self.text("following") or "not_known",
            self.ticked("has_goal"),
            told=self.maybe("told"),
        )

    def _closing(self, code: str) -> ClosePlan:
        decision = self.text("decision")
        if decision not in {"continue", "no_longer_needed", "change"}:
            raise wrong(message("No decision is chosen."))
        return ClosePlan(code, self.whole("version"), decision)

    def _certificate(self, found: Plan) -> RecordCertificate:
        return RecordCertificate(
            found.plan.pupil_id,
            found.plan.school_id,
            self.text("certificate_kind"),
            self.day("issued_on"),
            self.day("valid_from"),
            self.day("valid_to"),
            self.text("municipalities").replace(",", " ").split(),
        )

    def _compensation(self, code: str) -> RequestCompensation:
        return RequestCompensation(
            code, self.text("measure_code"), self.text("month"), self.cents("amount"), self.ticked("is_on_placement")
        )

    def _decision(self, _code: str) -> DecideCompensation:
        return DecideCompensation(self.whole("compensation_id"), self.text("is_granted") == "yes", self.maybe("reason"))

    def _documents(self, _code: str) -> CloseCompensation:
        expense = Expense(self.text("document"), self.day("document_on"), self.cents("document_amount"))
        return CloseCompensation(self.whole("compensation_id"), [expense] if expense.reference else [])

    def _acknowledgement(self, _code: str) -> AcknowledgeConsultation:
        return AcknowledgeConsultation(
            self.whole("consultation_id"),
            self.maybe("acknowledgement_kind"),
            self.maybe_day("acknowledged_on"),
            self.maybe("acknowledgement_reference"),
            is_signed=self.ticked("is_signed"),
        )

    def _cancelled(self, _code: str) -> CancelConsultation:
        return CancelConsultation(self.whole("consultation_id"), self.text("reason"))


class ConsultationHandler(OfPlanHandler):
    """The entry of a consultation: what is usual is filled in, so that a telephone and half a minute are enough."""

    SUPPORTED_METHODS = ("GET", "POST")
    FIELDS = ActingHandler.ACT_FIELDS | {
        "what",
        "happened_on",
        "begins",
        "minutes",
        "mode",
        "room",
        "is_signed",
        "is_invited",
        "acknowledgement_kind",
        "acknowledged_on",
        "acknowledgement_reference",
    }

    async def get(self, _language: str, code: str) -> None:
        """Show the form."""
        await self._show(code, Filled())

    async def post(self, _language: str, code: str) -> None:
        """Write the consultation down."""
        published = self.desk.published()
        await self.the_plan(published, code, is_recorded=False)
        try:
            await self.act(self._command(code))
        except UsageError as error:
            await self._show(code, self.refused("consultation", error))
            return
        self.redirect(self.desk.addresses(self.language).plan(code), status=303)

    def _command(self, code: str) -> RecordConsultation:
        measure, _, subject = self.text("what").partition("/")
        hour, _, minute = self.text("begins").partition(":")
        if not (hour + minute).isascii() or not (hour.isdigit() and minute.isdigit()) or int(minute) > 59:
            raise wrong(message("The time is written as 14:20."))
        mode = self.text("mode")
        if mode not in {"in_person", "remote"}:
            raise wrong(message("Say whether it was in the room or remotely."))
        is_remote = mode == "remote"
        kind = self.maybe("acknowledgement_kind") if is_remote else None
        return RecordConsultation(
            code,
            measure,
            self.day("happened_on"),
            int(hour) * 60 + int(minute),
            self.whole("minutes"),
            mode,
            subject_code=subject or None,
            room=None if is_remote else self.maybe("room"),
            is_signed=not is_remote and self.ticked("is_signed"),
            acknowledgement_kind=kind,
            acknowledged_on=None if kind is None else self.maybe_day("acknowledged_on"),
            acknowledgement_reference=None if kind is None else self.maybe("acknowledgement_reference"),
            is_invited=self.ticked("is_invited"),
        )

    async def _show(self, code: str, filled: Filled) -> None:
        published = self.desk.published()
        scope, found = await self.the_plan(published, code)
        plan, language = found.plan, self.language
        pupils = self.shown_pupils(published, [(plan.school_id, plan.pupil_id)])
        planned = [row for row in found.measures if measure_of(row["measure_code"]).kind == "consultation"]
        planned.sort(key=lambda row: row["provider"] != self.person.login)
        now = self.desk.clock().astimezone(HERE)
        notice = rulebook().in_force("in_person_checklist", self.desk.today(), plan.programme)
        content = self.rendered(
            "consultation.html.j2",
            filled,
            found=found,
            plan=plan,
            pupil=pupils.get(plan.pupil_id),
            planned=planned,
            measure_name=lambda code: measure_name(code, language),
            usual_minutes=USUAL_MINUTES,
            begins=f"{now.hour:02d}:{now.minute // 5 * 5:02d}",
            notice=notice.said().in_language(language) if notice else "",
        )
        self.whole_page(message("Consultation, plan {code}", code=code), "tasks", published, scope, content)
