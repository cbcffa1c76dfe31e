"""A real portal in a process of its own, with accounts of every role in two schools, and readers who ask it by raw HTTP."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import invented_run
import pyarrow as pa

from riskmodel.portal.kernels import REST_SECONDS
from riskmodel.register.people import Grant
from riskmodel.register.places import Place as RegisterPlace
from riskmodel.register.places import register_file, register_of
from riskmodel.register.sessions import IDLE
from riskmodel.register.store import Register, open_register
from riskmodel.runs import gate_report
from riskmodel.runs.forking import kernels_of
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.manifest import read_manifest
from riskmodel.settings import HERE
from riskmodel.sources.identity_table import write_identities
from riskmodel.support.consents import RecordConsent
from riskmodel.support.life import MovePlan
from riskmodel.support.office import Office
from riskmodel.support.places import RecordInstitution, RecordStaff
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine, plan_code
from riskmodel.support.pupils import RecordStay
from riskmodel.support.semesters import Semester, semester_of
from riskmodel.tables.canonical import IDENTITY

SERVE = (
    "import json, sys; from pathlib import Path; from riskmodel.portal.app import Place, serve; "
    "serve(Place(Path(sys.argv[1]), port=0, **json.loads(sys.argv[2])))"
)
START_SECONDS = END_SECONDS = 60
"""For machines with much else to do: alone, a portal is there in two seconds, and away in one."""
CANARY = "canary-4711-secret"
PASSWORD = "pareizs zirgs, baterija"
MUNICIPALITY, OTHER_MUNICIPALITY = "LV0001000", "LV0009999"
OWN, FOREIGN = "101", "102"

EXTRACTS = {school_id: invented_run.school(school_id, name) for school_id, name in invented_run.SCHOOLS.items()}
CODES = {school_id: [pupil["code"] for pupil in extract["pupils"]] for school_id, extract in EXTRACTS.items()}
PUPIL_IDS = {pupil["code"]: pupil["pupil_id"] for extract in EXTRACTS.values() for pupil in extract["pupils"]}


def codes_of_class(school_id: str, class_code: str) -> list[str]:
    """Return the codes of the pupils of a class."""
    return [pupil["code"] for pupil in EXTRACTS[school_id]["pupils"] if pupil["class_code"] == class_code]


def _of_school(school_id: str, municipality: str) -> dict[str, list[Grant]]:
    """The people of one school, and those of the levels above it; logins end in the school's id."""
    named = frozenset(PUPIL_IDS[code] for code in CODES[school_id][:2])
    return {
        f"class_teacher.{school_id}": [Grant("class_teacher", school_id, class_code="9.a")],
        f"subject_teacher.{school_id}": [Grant("subject_teacher", school_id, pupil_ids=named)],
        f"support_staff.{school_id}": [Grant("support_staff", school_id)],
        f"director.{school_id}": [Grant("director", school_id)],
        f"municipality.{school_id}": [Grant("municipality", municipality_code=municipality)],
        f"state.{school_id}": [Grant("state")],
        f"researcher.{school_id}": [Grant("researcher")],
        f"steward.{school_id}": [Grant("steward")],
    }


PEOPLE: dict[str, list[Grant]] = {
    **_of_school(OWN, MUNICIPALITY),
    **_of_school(FOREIGN, OTHER_MUNICIPALITY),
    "three.schools": [Grant("director", school_id) for school_id in invented_run.SCHOOLS],
    "two.tasks": [Grant("class_teacher", OWN, class_code="10.b"), Grant("steward")],
    "former": [Grant("director", OWN, valid_from=date(2020, 9, 1), valid_to=date(2021, 9, 1))],
    "nobody": [],
}
"""Logins by which tests come in; the browser's tests come in as ``three.schools``."""


def add_people(register: Register, people: dict[str, list[Grant]] | None = None) -> None:
    """Make the accounts, all with the same password, hashed once."""
    for login, grants in (PEOPLE if people is None else people).items():
        register.accounts.add(login, f"Vārds {login}", PASSWORD, "lv", grants, "test")


def give_names(store: Path, names: dict[str, tuple[str, str]]) -> None:
    """Write the protected table of a store anew: first and last names by the codes of pupils."""
    rows = [
        {
            "pupil_id": PUPIL_IDS[code],
            "register_id": f"r{number}",
            "first_name": first,
            "last_name": last,
            "earlier_register_id": None,
            "key_id": "0" * 8,
        }
        for number, (code, (first, last)) in enumerate(names.items())
    ]
    write_identities(store, pa.Table.from_pylist(rows, schema=IDENTITY.arrow_schema()))


TERM = semester_of(datetime.now(HERE).date())
"""The semester in which the tests run."""
PLANS = {school_id: plan_code(TERM, number) for number, school_id in enumerate((OWN, FOREIGN), 1)}
"""An approved plan in each of both schools, of the first pupil in order of need, with a justified sensitive risk."""
SECRET_WORDS = "Klusie vārdi par veselību"


def add_support(register: Register, schools: Sequence[str] = (OWN, FOREIGN), words: str = SECRET_WORDS) -> None:
    """Enter the schools as institutions, and a plan in each that went the whole way to approval; ``words`` stand wherever a person writes."""
    office, today = Office(register.database), datetime.now(HERE).date()
    keys = (f"support-key-{number:04d}" for number in count())

    def do(login: str, *commands: object) -> list[Mapping[str, str | int]]:
        person = register.accounts.find(login)
        assert person is not None
        return office.do_all([(command, next(keys)) for command in commands], person)

    places = {OWN: MUNICIPALITY, FOREIGN: OTHER_MUNICIPALITY}
    do(
        f"steward.{OWN}",
        *(
            RecordInstitution(school_id, name, "general", places.get(school_id, MUNICIPALITY), date(2016, 9, 1))
            for school_id, name in invented_run.SCHOOLS.items()
        ),
    )
    for school_id, code in [(school_id, PLANS[school_id]) for school_id in schools]:
        pupil = next(one for one in EXTRACTS[school_id]["pupils"] if one["code"] == CODES[school_id][0])
        teacher, support = f"class_teacher.{school_id}", f"support_staff.{school_id}"
        do(f"director.{school_id}", RecordStaff(support, school_id, "psychologist", date(2020, 9, 1), None, 10))
        stage = (str(pupil["stage_kind"]), int(pupil["stage_number"]))
        of_term = (pupil["pupil_id"], school_id, TERM.year, TERM.half)
        stay = RecordStay(pupil["pupil_id"], school_id, *stage, Semester(TERM.year, 1).first_on, pupil["class_code"])
        given = do(teacher, stay, RecordConsent(*of_term, "parent", "paper_delivered", today, today, "26.03.2020"))
        begun = BeginPlan(pupil["pupil_id"], school_id, "own", TERM.year, TERM.half, int(given[1]["consent_id"]), today)
        assert do(teacher, begun)[0]["plan_code"] == code, "the tests run over the turn of a semester"
        open_words = "Matemātikā četras nepietiekamas atzīmes." if words is SECRET_WORDS else words
        risks = [RiskLine("MI4", open_words), RiskLine("SV7", words)]
        measures = [
            MeasureLine("KA-PED", ["MI4"], teacher, "matematika", 16),
            MeasureLine("KA-PED", ["MI4"], f"subject_teacher.{school_id}", "fizika", 8),
            MeasureLine("KA-PSI", ["SV7"], support, None, 8),
        ]
        do(support, ChangePlan(code, 1, risks, measures))
        do(teacher, MovePlan(code, 2, "submit"))
        do(f"director.{school_id}", MovePlan(code, 3, "approve"))
        do(f"municipality.{school_id}", MovePlan(code, 4, "approve"))


def make_register(store: Path, people: dict[str, list[Grant]] | None = None) -> RegisterPlace:
    """Make the register of a store, with its accounts; where they are the usual ones, with plans, too."""
    place = register_of(store)
    with open_register(place, may_create=True) as register:
        add_people(register, people)
        if people is None:
            add_support(register)
    return place


def add_held_run(store: Path, run_id: str) -> Path:
    """Put a run into a store that did not pass a gate; the one that was current stays so."""
    current = (store / "current").readlink()
    folder = invented_run.publish(store, run_id)
    gate = Gate("drift", is_passed=False, found=0.4, limit=0.25, subjects=("mark_mean",), count=1)
    gate_report.write(folder, (gate,))
    content = (folder / "gates.json").read_bytes()
    passed = read_manifest(folder)
    entry = passed.files["gates.json"].model_copy(
        update={"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    )
    held = passed.model_copy(update={"state": "held", "files": passed.files | {"gates.json": entry}})
    (folder / "manifest.json").write_bytes(held.to_bytes())
    (store / "current").unlink()
    (store / "current").symlink_to(current)
    return folder


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: str
    content: bytes = b""

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""


@dataclass
class Served:
    """A running portal."""

    process: subprocess.Popen
    address: str
    store: Path
    log: Path
    base: str = "/"

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def register_file(self) -> Path:
        return register_file(self.store)

    def kernels(self) -> int:
        """Count the kernel processes of the portal."""
        return len(kernels_of(self.process.pid))

    def reader(self, login: str = "") -> Reader:
        """Return somebody who asks; with a login, one who has come in by the form."""
        reader = Reader(self)
        if login:
            answer = reader.log_in(login)
            assert answer.status == 303, f"{login} did not come in: {answer.status}"
        return reader

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=END_SECONDS)


def kernels_are_at_most(served: Served, most: int) -> bool:
    """Whether a portal comes down to so many kernels, and keeps to them while successors start, also on a busy machine."""
    until = time.monotonic() + START_SECONDS
    since = time.monotonic()
    while (now := time.monotonic()) < until:
        if served.kernels() > most:
            since = now
        elif now - since > 1.5 * REST_SECONDS:
            return True
        time.sleep(0.1)
    return False


@dataclass
class Reader:
    """Asks a portal, one connection for each request, and keeps its cookies as a browser does."""

    served: Served
    cookies: dict[str, str] = field(default_factory=dict)
    asked_at: float = field(default_factory=time.monotonic)

    def begin(
        self, path: str, method: str = "GET", body: str | bytes | None = None, **headers: str | None
    ) -> http.client.HTTPConnection:
        """Send a request and do not wait for its answer; a header given as None is left out."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and "Cookie" not in given:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.asked_at = time.monotonic()
        data = body.encode() if isinstance(body, str) else body
        if data is not None or method == "POST":
            given.setdefault("Content-Length", str(len(data or b"")))
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)
        connection.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(data)
        return connection

    def ask(self, path: str, method: str = "GET", body: str | bytes | None = None, **headers: str | None) -> Answer:
        """Send a request, and keep the cookies of its answer."""
        connection = self.begin(path, method, body, **headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            value = value.strip('"')
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return Answer(answer.status, answer.headers, content.decode("utf-8", errors="replace"), content)

    def post(self, path: str, fields: dict[str, str], **headers: str | None) -> Answer:
        """Send a form as a browser does from a page of the portal."""
        return self.ask(
            path,
            "POST",
            urlencode(fields),
            **{
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Site": "same-origin",
                "Origin": "null",
                **headers,
            },
        )

    def token_on(self, path: str) -> str:
        """Return the token of the forms on a page."""
        found = re.search(r'name="token" value="([0-9a-f]{64})"', self.ask(path).body)
        assert found, f"no form on {path}"
        return found[1]

    def log_in(self, login: str, password: str = PASSWORD, *, onward: str = "", language: str = "lv") -> Answer:
        """Fill in the form."""
        address = f"{self.served.base}{language}/login"
        fields = {"login": login, "password": password, "next": onward, "token": self.token_on(address)}
        return self.post(address, fields)

    def session(self) -> tuple[str, str]:
        """Return name and value of the session's cookie."""
        return next((name, value) for name, value in self.cookies.items() if "-session-" in name)


def readers_of(served: Served) -> Callable[[str], Reader]:
    """Return a function that gives the reader of a login, who comes in once, and anew after a rest that may have ended the session."""
    known: dict[str, Reader] = {}

    def of(login: str) -> Reader:
        if login not in known or time.monotonic() - known[login].asked_at > IDLE.total_seconds() / 2:
            known[login] = served.reader(login)
        return known[login]

    return of


def start(store: Path, log: Path, *, before: str = "", folder: Path | None = None, **place: object) -> Served:
    """Start a portal in a working directory and wait until it says its address; ``before`` is Python that runs first."""
    environment = {**os.environ, "RISKMODEL_CANARY": CANARY, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            # -P: as the console script, it takes no module from its working directory.
            [sys.executable, "-P", "-c", f"{before}\n{SERVE}", str(store), json.dumps(place)],
            cwd=folder,
            stdout=output,
            stderr=output,
            env=environment,
        )
    base = str(place.get("base", "/"))
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        said = re.search(rf"(https?://127\.0\.0\.1:\d+){re.escape(base)}lv/", log.read_text("utf-8"))
        if said:
            return Served(process, said[1], store, log, base)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the portal did not start: {log.read_text('utf-8')}")


def serving(
    folder: Path, people: dict[str, list[Grant]] | None = None, *, before: str = "", **place: object
) -> Iterator[Served]:
    """Serve invented schools until the test is over, with these people; with all of them for None."""
    invented_run.publish(folder / "store")
    make_register(folder / "store", people)
    served = start(folder / "store", folder / "log", before=before, **place)
    yield served
    served.stop()
