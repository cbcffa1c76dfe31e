"""Passwords of local accounts: argon2id, the same work for everybody, and few rules that help.

Parameters are OWASP's floor: 19 MiB, two passes, one lane. At most two hashes are worked out at once, so that a flood of
logins takes neither the memory nor the machine.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
FEWEST_CHARACTERS, MOST_CHARACTERS = 12, 256
HASHES_AT_ONCE = 2

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 letters and figures that are not taken for one another on paper."""
GROUPS, LETTERS_OF_A_GROUP = 4, 5

_HASHER = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
_AT_WORK = threading.BoundedSemaphore(HASHES_AT_ONCE)


def check_password_rules(password: str, login: str) -> None:
    """Refuse a password that is too short, too long, or holds the login. Nothing is asked of its letters.

    Raises
    ------
    UsageError
        Never with the password in its text.
    """
    plain = _normal(password)
    if len(plain) < FEWEST_CHARACTERS:
        raise _unfit(message("A password has at least {count} characters.", count=FEWEST_CHARACTERS))
    if len(plain) > MOST_CHARACTERS:
        raise _unfit(message("A password has at most {count} characters.", count=MOST_CHARACTERS))
    if login.casefold() in plain.casefold():
        raise _unfit(message("A password does not hold the login name."))


def _unfit(must: Message) -> UsageError:
    return UsageError(
        must,
        found=message("The password that was given is not so."),
        remedy=message("Take several words that only you would put together, or let one be made with --generate."),
    )


def hash_password(password: str) -> str:
    """Return the hash to be kept, with its parameters and a salt of its own."""
    with _AT_WORK:
        return _HASHER.hash(_as_bytes(password))


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether a password fits a hash; without a hash the same work is done, and the answer is no."""
    is_known = password_hash is not None
    if len(password) > MOST_CHARACTERS:
        password, is_known = "", False
    nobodys = _nobodys_hash()
    with _AT_WORK:
        try:
            fits = _HASHER.verify(password_hash or nobodys, _as_bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return fits and is_known


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


def new_password() -> str:
    """Return a fresh password of 100 bits, in groups that can be read out."""
    groups = ["".join(secrets.choice(LETTERS) for _ in range(LETTERS_OF_A_GROUP)) for _ in range(GROUPS)]
    return "-".join(groups)


def _normal(password: str) -> str:
    """Return one form of a password for all keyboards: ``ē`` may be typed as one sign or as two."""
    return unicodedata.normalize("NFKC", password)


def _as_bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_hex())
