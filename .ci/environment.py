"""Prints environment.yml: Python from conda, everything else from the pins of requirements.lock."""

from __future__ import annotations

import re
from pathlib import Path

HEAD = """\
# For researchers who work with conda or mamba: mamba env create --file environment.yml
# then, in the checkout: pip install --no-deps --editable .
# The pins are those of requirements.lock (which holds the hashes too); `make lock` writes both.
name: riskmodel
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins(lock: str) -> list[str]:
    """Return the pinned requirements of a lock file, each with its marker, without hashes."""
    found = re.findall(r"^([A-Za-z0-9._-]+==[^\s\\]+)( ; [^\\\n]+?)? \\$", lock, flags=re.MULTILINE)
    return [name + marker.rstrip() for name, marker in found]


def environment(lock: str) -> str:
    """Return the text of environment.yml for a lock file."""
    return HEAD + "".join(f'      - "{pin}"\n' for pin in pins(lock))


if __name__ == "__main__":
    print(environment(Path("requirements.lock").read_text("utf-8")), end="")
