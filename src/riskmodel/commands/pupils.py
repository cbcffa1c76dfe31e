"""Verbs on one pupil's data: tell, say who looked, erase; and how long records are kept, and the key of the pseudonyms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from riskmodel.commands.accounts import actor, opened, store_option
from riskmodel.commands.keeping import NEW_FILE
from riskmodel.commands.kinds import FILE, Verb, by_option, with_options
from riskmodel.commands.speaking import language, say, show
from riskmodel.messages import LANGUAGES, message, plural

if TYPE_CHECKING:
    from riskmodel.runs.pupils import Pupil


def pupil_options(verb: Verb) -> Verb:
    """Give a verb the options that name one pupil."""
    return with_options(
        verb,
        click.option("--pupil", "code", metavar="CODE", help="The code of a page, or the whole pseudonym."),
        click.option("--register-id", metavar="ID", help="The personal code or other id, as it was delivered."),
    )


def reason_options(verb: Verb) -> Verb:
    """Give a verb the options that name who acts and why."""
    return with_options(
        verb,
        click.option("--by", required=True, metavar="NAME", help="Who acts."),
        click.option("--reason", required=True, metavar="TEXT", help="Why, e.g. the number of the request; no name."),
    )


def _pupil(store: Path, code: str | None, register_id: str | None) -> Pupil:
    from riskmodel.register.places import is_there, register_of
    from riskmodel.runs.pupils import find_pupil
    from riskmodel.support.keeping.erasing import pupils_of

    known: set[str] = set()
    if is_there(register_of(store)):
        with opened(store) as held:
            known = pupils_of(held)
    return find_pupil(store, code=code, register_id=register_id, elsewhere=known)


@click.command()
@pupil_options
@click.option(
    "--to", type=NEW_FILE, required=True, help="A new JSON file; a page in each language is written beside it."
)
@by_option
@store_option
def subject(code: str | None, register_id: str | None, to: Path, by: str | None, store: Path) -> None:
    """Write down everything that is held of one pupil, for the pupil or the family.

    Enrolments, marks and absences as delivered, scores with their reasons by run, plans and support, who looked when by
    roles, and how long it is kept. Words under the protection of support staff are told to exist, and not what they say.

    \b
    Examples:
      riskmodel register subject --register-id 320101-12345 --to subject.json --store data/store
      riskmodel register subject --pupil 4F2A1B --to subject.json --store data/store
    """
    from riskmodel.register.backups import check_new
    from riskmodel.register.places import is_there, register_of
    from riskmodel.runs.subject import subject_of, write_private
    from riskmodel.runs.subject_page import subject_page

    pupil = _pupil(store, code, register_id)
    pages = {spoken: to.with_name(f"{to.stem}.{spoken}.html") for spoken in LANGUAGES}
    for path in (to, *pages.values()):
        check_new(path)
    told = subject_of(store, pupil)
    if is_there(register_of(store)):
        with opened(store) as held:
            for pupil_id in sorted(pupil.pupil_ids):
                held.audit.write(actor(by), "subject_told", "", pupil_id)
    write_private(to, told)
    for spoken, path in pages.items():
        write_private(path, subject_page(told, spoken))
    say(
        message(
            "Everything that is held of the pupil lies in {file} and the pages beside it. Only its owner may read them.",
            file=to,
        )
    )


@click.command()
@pupil_options
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
@by_option
@store_option
def looks(code: str | None, register_id: str | None, as_json: bool, by: str | None, store: Path) -> None:
    """Print who saw what of one pupil, and when, by roles. Reading this is itself an entry.

    \b
    Example:
      riskmodel register looks --register-id 320101-12345 --store data/store
    """
    from dataclasses import asdict

    from riskmodel.support.keeping.telling import told_by_audit

    pupil = _pupil(store, code, register_id)
    with opened(store) as held:
        told = told_by_audit(held, pupil.pupil_ids)
        for pupil_id in sorted(pupil.pupil_ids):
            held.audit.write(actor(by), "looks_read", "", pupil_id)
    if as_json:
        show(asdict(told))
        return
    for look in told.looks:
        click.echo(f"{look.at[:19]}Z  {look.role}  {look.action}  {look.unit}")
    say(
        message(
            "Lists of the school, which show the pupil among others, were opened {count} times.",
            count=told.lists_opened,
        )
    )
    if told.renewed_at:
        say(
            message(
                "Pseudonyms were renewed on {day}: who looked before cannot be told of a single pupil any more.",
                day=told.renewed_at[:10],
            )
        )


@click.command()
@pupil_options
@reason_options
@click.option("--json", "as_json", is_flag=True, help="Print what went as JSON.")
@store_option
def erase(code: str | None, register_id: str | None, by: str, reason: str, as_json: bool, store: Path) -> None:
    """Take one pupil out of the register, the identities, the deliveries, the caches and the runs of a store.

    Each run that holds the pupil is replaced by a successor without, and destroyed. Afterwards all files of the store are
    searched through for the pupil. A later delivery that brings the pupil again is put aside row by row, and a back-up that
    is restored is cleared again. What no command can reach is said at the end.

    \b
    Example:
      riskmodel register erase --register-id 320101-12345 --by "Līga Kalniņa" --reason 12/2026 --store data/store
    """
    from riskmodel.runs import erasing
    from riskmodel.runs.byte_search import files_of, search
    from riskmodel.runs.successors import Why

    erasing.finish_interrupted(store, say)
    pupil = _pupil(store, code, register_id)
    erased = erasing.erase(store, pupil, Why(by, reason), say)
    texts = [*sorted(pupil.pupil_ids), *sorted(pupil.register_ids)]
    left = search(files_of(store), texts, store.absolute().parent)
    elsewhere = sorted({f"{hit.path} {hit.inside}".strip() for hit in left if not erasing.is_of_audit(hit)})
    if as_json:
        show(
            {
                **erased.as_dict(),
                "left": elsewhere,
                "not_reached": [told.in_language(language()) for told in erasing.NOT_REACHED],
            }
        )
    for told in erasing.told_of(erased):
        say(told)
    say(
        message("Searched through: nothing but the audit names the pupil.")
        if not elsewhere
        else message("Searched through: these still name the pupil: {places}.", places=", ".join(elsewhere))
    )
    for told in erasing.NOT_REACHED:
        say(told)
    if elsewhere:
        raise erasing.not_gone(elsewhere)


@click.command()
@click.option(
    "--register-id", "register_ids", required=True, multiple=True, metavar="ID", help="All ids that the pupil has had."
)
@click.option("--key-file", type=FILE, help="Where the key of the pseudonyms is.  [default: beside the store]")
@reason_options
@store_option
def readmit(register_ids: tuple[str, ...], key_file: Path | None, by: str, reason: str, store: Path) -> None:
    """Let an erased pupil come with the next delivery again. What was erased does not come back.

    \b
    Example:
      riskmodel register readmit --register-id 320101-12345 --by "Līga Kalniņa" --reason 17/2026 --store data/store
    """
    from riskmodel.runs.erasing import readmit as let_in
    from riskmodel.runs.runner import default_key_file
    from riskmodel.runs.successors import Why

    if let_in(store, register_ids, key_file or default_key_file(store.absolute()), Why(by, reason)):
        say(message("The pupil may come with the next delivery again."))
    else:
        say(message("Nobody of these ids is on the list of erased pupils; nothing was changed."))


@click.command()
@click.option("--apply", "is_applied", is_flag=True, help="Remove what is due. Without it only a list is printed.")
@click.option("--periods", type=FILE, help="Own periods, as data/support/retention.yaml.  [default: the project's]")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@by_option
@store_option
def retention(is_applied: bool, periods: Path | None, as_json: bool, by: str | None, store: Path) -> None:
    """List what records are kept, for how long, and what is due; with --apply remove it. Where nobody has decided nothing goes.

    \b
    Examples:
      riskmodel register retention --store data/store
      riskmodel register retention --store data/store --periods our-periods.yaml --apply
    """
    from riskmodel.support.keeping.retention import apply, due_today, read_periods

    known = read_periods(periods)
    with opened(store) as held:
        found = apply(held, known, actor(by)) if is_applied else due_today(held, known)
    if as_json:
        show([{**vars(one.period), "held": one.held, "due": len(one.keys)} for one in found])
        return
    for one in found:
        kept = f"{one.period.months} m." if one.period.months is not None else "–"
        click.echo(
            f"{one.period.kind:<12} {one.period.programme or '':<14} {kept:<8} {one.held:>8} {len(one.keys):>8}  {one.period.decided_by}"
        )
    count = sum(len(one.keys) for one in found)
    if is_applied:
        say(plural("{count} record was removed.", "{count} records were removed.", count))
    else:
        say(plural("{count} record is due.", "{count} records are due.", count))


@click.command("rotate-key")
@click.option("--drop-runs", "may_drop_runs", is_flag=True, help="Drop the runs, which name pupils by the old key.")
@click.option("--key-file", type=NEW_FILE, help="Where the key of the pseudonyms is.  [default: beside the store]")
@by_option
@store_option
def rotate_key(may_drop_runs: bool, key_file: Path | None, by: str | None, store: Path) -> None:
    """Make all pseudonyms of a store anew under a new key; the old key and the way from old to new are destroyed.

    Stop the portal first. Given again after an interruption, it carries the change through. Afterwards make a back-up: older
    ones cannot be used any more; and the audit cannot tell of a single pupil who looked before.

    \b
    Example:
      riskmodel register rotate-key --store data/store --drop-runs
    """
    from riskmodel.runs.rotating import Renewal
    from riskmodel.runs.rotating import rotate_key as rotate
    from riskmodel.runs.runner import default_key_file

    renewal = Renewal(store, key_file or default_key_file(store.absolute()), actor(by))
    count = rotate(renewal, say, may_drop_runs=may_drop_runs)
    say(plural("{count} pupil has a new pseudonym.", "{count} pupils have new pseudonyms.", count))
    say(message("Run again, and make a back-up of the register: older ones name pupils by the old key."))


VERBS = (subject, looks, erase, readmit, retention, rotate_key)
