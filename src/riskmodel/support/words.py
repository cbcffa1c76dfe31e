"""The codes of plans, papers and services in words, as screens and papers show them."""

from __future__ import annotations

from collections.abc import Mapping

from riskmodel.messages import Words

STATUS_WORDS: Mapping[str, Words] = {
    "DRAFT": Words(en="draft", lv="melnraksts"),
    "IN_APPROVAL": Words(en="in approval", lv="saskaņošanā"),
    "APPROVED": Words(en="approved", lv="apstiprināts"),
    "IN_PROGRESS": Words(en="under way", lv="īstenošanā"),
    "SUSPENDED": Words(en="suspended", lv="apturēts"),
    "UNDER_REVISION": Words(en="under revision", lv="pārskatīšanā"),
    "INACTIVE": Words(en="inactive", lv="neaktīvs"),
    "CLOSED": Words(en="closed", lv="noslēgts"),
}
ACTION_WORDS: Mapping[str, Words] = {
    "begin": Words(en="begun", lv="uzsākts"),
    "change": Words(en="changed", lv="mainīts"),
    "submit": Words(en="submitted for approval", lv="iesniegts saskaņošanai"),
    "approve": Words(en="agreed", lv="saskaņots"),
    "return": Words(en="returned for revision", lv="atgriezts pārskatīšanai"),
    "start": Words(en="first support given", lv="sniegts pirmais atbalsts"),
    "suspend": Words(en="suspended", lv="pārtraukts"),
    "resume": Words(en="resumed", lv="atsākts"),
    "revise": Words(en="taken back for revision", lv="paņemts pārskatīšanai"),
    "delete": Words(en="deleted", lv="dzēsts"),
    "close": Words(en="closed", lv="noslēgts"),
    "hand_over": Words(en="handed over to another school", lv="nodots citai izglītības iestādei"),
}
LEVEL_WORDS: Mapping[str, Words] = {
    "director": Words(en="director", lv="direktors"),
    "municipality": Words(en="municipality", lv="pašvaldība"),
    "state": Words(en="State Education Quality Service", lv="Izglītības kvalitātes valsts dienests"),
}
GIVER_WORDS: Mapping[str, Words] = {
    "parent": Words(en="parent", lv="vecāks"),
    "legal_guardian": Words(en="legal guardian", lv="likumiskais pārstāvis"),
    "adult_pupil": Words(en="pupil of full age", lv="pilngadīgs izglītojamais"),
    "foster_family": Words(en="foster family", lv="audžuģimene"),
    "head_of_care_institution": Words(en="head of the care institution", lv="aprūpes iestādes vadītājs"),
}
CHANNEL_WORDS: Mapping[str, Words] = {
    "paper_delivered": Words(
        en="signed form brought to the school", lv="aizpildīts iesniegums nogādāts izglītības iestādē"
    ),
    "post": Words(en="sent by post", lv="nosūtīts pa pastu"),
    "esignature": Words(en="e-signature", lv="e-paraksts"),
    "authenticated_message": Words(
        en="message from the own profile (E-klase, Mykoob, the municipality's platform)",
        lv="ziņa no sava profila (E-klase, Mykoob, pašvaldības platforma)",
    ),
    "other_by_order": Words(en="another way set by order", lv="cits rīkojumā noteikts veids"),
}
PLATFORM_WORDS: Mapping[str, Words] = {
    "e-klase": Words(en="E-klase", lv="E-klase"),
    "mykoob": Words(en="Mykoob", lv="Mykoob"),
    "municipal_platform": Words(en="the municipality's platform", lv="pašvaldības platforma"),
}
RECIPIENT_WORDS: Mapping[str, Words] = {
    "preparer": Words(en="preparer of the plan", lv="plāna sagatavotājs"),
    "supervisor": Words(en="supervisor of the plan", lv="plāna uzraudzītājs"),
    "director": Words(en="director", lv="direktors"),
}
ACKNOWLEDGEMENT_WORDS: Mapping[str, Words] = {
    "email": Words(en="e-mail", lv="e-pasts"),
    "e_klase": Words(en="entry in E-klase", lv="ieraksts E-klasē"),
    "mykoob": Words(en="entry in Mykoob", lv="ieraksts Mykoob"),
    "platform": Words(en="entry on the platform", lv="ieraksts platformā"),
    "message": Words(en="text message", lv="īsziņa"),
    "signed_photo": Words(en="photograph of the signed form", lv="parakstītas veidlapas fotogrāfija"),
    "other": Words(en="another way of the order", lv="cits rīkojumā paredzēts veids"),
}
MODE_WORDS: Mapping[str, Words] = {
    "in_person": Words(en="in the room", lv="klātienē"),
    "remote": Words(en="remotely", lv="attālināti"),
}
DECISION_WORDS: Mapping[str, Words] = {
    "continue": Words(en="support goes on", lv="atbalstu turpināt"),
    "no_longer_needed": Words(en="no longer needed", lv="atbalsts vairs nav nepieciešams"),
    "change": Words(en="support is to change", lv="atbalstu mainīt"),
}
ASSESSOR_WORDS: Mapping[str, Words] = {
    "teacher": Words(en="teacher", lv="pedagogs"),
    "pupil": Words(en="pupil", lv="izglītojamais"),
    "parent": Words(en="parents", lv="vecāki"),
}
RESULT_WORDS: Mapping[str, Words] = {
    "marks": Words(en="marks", lv="mācību sasniegumi"),
    "motivation": Words(en="motivation", lv="motivācija"),
    "participation": Words(en="participation in lessons", lv="līdzdalība stundās"),
    "following": Words(en="following the lessons", lv="spēja sekot līdzi stundām"),
}
MARK_WORDS: Mapping[str, Words] = {
    "not_known": Words(en="not known", lv="nav zināms"),
    "better": Words(en="better", lv="labāk"),
    "same": Words(en="as before", lv="kā iepriekš"),
    "worse": Words(en="worse", lv="sliktāk"),
}
ORDER_WORDS: Mapping[str, Words] = {
    "remote_learning": Words(en="learning is remote", lv="mācību process notiek attālināti"),
    "remote_consultations": Words(en="remote consultations", lv="attālinātas konsultācijas"),
    "consent_way": Words(en="another way of giving consent", lv="cits piekrišanas iesniegšanas veids"),
    "placement": Words(en="work placement", lv="mācību prakse"),
    "in_person_procedure": Words(en="procedure for face-to-face consultations", lv="klātienes konsultāciju kārtība"),
}
CERTIFICATE_WORDS: Mapping[str, Words] = {
    "semester": Words(en="for the semester", lv="semestrim"),
    "monthly": Words(en="for a month", lv="mēnesim"),
}
STATE_WORDS: Mapping[str, Words] = {
    "awaiting": Words(en="waits for the municipality", lv="gaida pašvaldības lēmumu"),
    "granted": Words(en="granted", lv="piešķirts"),
    "refused": Words(en="refused", lv="atteikts"),
    "closed": Words(en="closed with documents", lv="noslēgts ar dokumentiem"),
}
PHASE_WORDS: Mapping[str, Words] = {
    "start": Words(en="start of the semester", lv="semestra sākums"),
    "middle": Words(en="middle of the semester", lv="semestra vidus"),
    "end": Words(en="end of the semester", lv="semestra beigas"),
}
TASK_WORDS: Mapping[str, Words] = {
    "submit": Words(en="finish and submit", lv="pabeigt un iesniegt"),
    "approve": Words(en="waits for your decision", lv="gaida jūsu lēmumu"),
    "begin_support": Words(en="approved, no support recorded yet", lv="apstiprināts, atbalsts vēl nav ierakstīts"),
    "close": Words(en="evaluate and close", lv="izvērtēt un noslēgt"),
}
SUBJECT_WORDS: Mapping[str, Words] = {
    "latviesu_valoda": Words(en="Latvian", lv="latviešu valoda"),
    "svesvaloda": Words(en="foreign language", lv="svešvaloda"),
    "matematika": Words(en="mathematics", lv="matemātika"),
    "fizika": Words(en="physics", lv="fizika"),
    "kimija": Words(en="chemistry", lv="ķīmija"),
    "biologija": Words(en="biology", lv="bioloģija"),
    "geografija": Words(en="geography", lv="ģeogrāfija"),
    "vesture": Words(en="history and social sciences", lv="vēsture un sociālās zinības"),
    "datorika": Words(en="computing", lv="datorika"),
    "sports": Words(en="sport", lv="sports"),
    "makslas": Words(en="arts and design", lv="mākslas un dizains"),
    "profesionalais": Words(en="vocational subject", lv="profesionālais priekšmets"),
    "cits": Words(en="another subject", lv="cits priekšmets"),
}
VERDICT_WORDS: Mapping[str, Words] = {
    "accepted": Words(en="accept", lv="pieņemt"),
    "refused": Words(en="refuse", lv="noraidīt"),
}


def said(words: Mapping[str, Words], code: str | None, language: str) -> str:
    """Return a code in words; nothing for none, the code itself for one that has no words.

    >>> said(STATUS_WORDS, "CLOSED", "lv"), said(SUBJECT_WORDS, "astronomija", "lv")
    ('noslēgts', 'astronomija')
    """
    if code is None:
        return ""
    return words[code].in_language(language) if code in words else code
