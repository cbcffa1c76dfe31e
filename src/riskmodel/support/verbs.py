"""All that can be done in the support register: each command, the function that carries it out, and its name in the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from riskmodel.register.database import Act, Action
from riskmodel.support import (
    changes,
    compensations,
    consents,
    consultations,
    events,
    life,
    orders,
    places,
    plans,
    pupils,
    results,
)
from riskmodel.support.work import Outcome, Work

Command = Any
"""An instance of one of the frozen dataclasses that are the keys of ``VERBS``."""


@dataclass(frozen=True)
class Verb:
    """What is done with a command, and how the audit calls it.

    Attributes
    ----------
    reaches
        Fields of the command that name a school or a pupil beyond the person's own units whose rows the verb reads or writes
        too: ``to_school_id``, ``pupil_id``. No other verb leaves the person's units.
    """

    action: Action
    handle: Callable[[Work, Any], Outcome]
    reaches: frozenset[str] = frozenset()

    def reaching(self, act: Act, command: Command) -> AbstractContextManager[None]:
        """Open what the command reaches beyond the person's units, for the length of a block."""
        named = {name: [getattr(command, name)] for name in self.reaches}
        return act.reaching(named.get("to_school_id", ()), named.get("pupil_id", ()))


PUPIL_NAMED = frozenset({"pupil_id"})
"""The pupil's own row alone: a school writes a new pupil, or says of one that it does not learn there."""


VERBS: Mapping[type, Verb] = {
    # pupils and papers
    pupils.RecordStay: Verb("stay_recorded", pupils.record_stay, PUPIL_NAMED),
    consents.RecordConsent: Verb("consent_recorded", consents.record_consent, PUPIL_NAMED),
    consents.WithdrawConsent: Verb("consent_withdrawn", consents.withdraw_consent),
    orders.IssueOrder: Verb("order_issued", orders.issue_order),
    orders.EndOrder: Verb("order_ended", orders.end_order),
    orders.RecordCertificate: Verb("certificate_recorded", orders.record_certificate, PUPIL_NAMED),
    # plans
    results.AnswerProposal: Verb("proposal_answered", results.answer_proposal, PUPIL_NAMED),
    plans.BeginPlan: Verb("plan_begun", plans.begin_plan),
    plans.ChangePlan: Verb("plan_changed", plans.change_plan),
    life.MovePlan: Verb("plan_moved", life.move_plan),
    life.HandOverPlan: Verb("plan_handed_over", life.hand_over_plan, frozenset({"to_school_id"})),
    life.PayPreparation: Verb("plan_changed", life.pay_preparation),
    results.AssessPlan: Verb("plan_assessed", results.assess_plan),
    life.ClosePlan: Verb("plan_closed", life.close_plan),
    # services
    consultations.RecordConsultation: Verb("consultation_recorded", consultations.record_consultation),
    consultations.AcknowledgeConsultation: Verb("consultation_changed", consultations.acknowledge_consultation),
    consultations.CancelConsultation: Verb("consultation_changed", consultations.cancel_consultation),
    compensations.RequestCompensation: Verb("compensation_requested", compensations.request_compensation),
    compensations.DecideCompensation: Verb("compensation_decided", compensations.decide_compensation),
    compensations.CloseCompensation: Verb("compensation_closed", compensations.close_compensation),
    compensations.RecordContact: Verb("contact_recorded", compensations.record_contact),
    # around the plans
    events.RecordEvent: Verb("event_recorded", events.record_event),
    events.OpenCall: Verb("youth_call_opened", events.open_call),
    events.RecordProject: Verb("youth_project_recorded", events.record_project),
    events.SendNotice: Verb("absence_notice_sent", events.send_notice, PUPIL_NAMED),
    # places and means
    places.RecordInstitution: Verb("institution_recorded", places.record_institution),
    places.Join: Verb("membership_recorded", places.join),
    places.RecordCooperation: Verb("cooperation_recorded", places.record_cooperation),
    places.RecordPartner: Verb("partner_recorded", places.record_partner),
    places.RecordStaff: Verb("staff_recorded", places.record_staff),
    places.SetBudget: Verb("budget_set", places.set_budget),
    places.ShareNote: Verb("note_shared", places.share_note),
    changes.PublishRule: Verb("rule_published", changes.publish_rule),
}
