"""What a command of the command line ended with: for the tests that give commands as the shell would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> Any:
        return json.loads(self.out)


Typed = Callable[..., Ended]
