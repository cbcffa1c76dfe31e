"""Where the public data sets lie: a folder that the reader names, or that of the environment."""

from __future__ import annotations

import os
from pathlib import Path

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.settings import CHECKOUT_FOLDER

VARIABLE = "RISKMODEL_PUBLIC_DATA"
BESIDE_CHECKOUT = CHECKOUT_FOLDER.parent / "shared" / "data"


def public_data(given: str = "") -> Path:
    """Return the folder ``given``, else that of ``RISKMODEL_PUBLIC_DATA``, else ``../shared/data`` beside the checkout.

    Raises
    ------
    UsageError
        When the folder is not there.
    """
    folder = Path(given or os.environ.get(VARIABLE) or BESIDE_CHECKOUT)
    if not folder.is_dir():
        raise UsageError(
            message("The public data sets must lie in a folder."),
            found=message("There is no such folder."),
            remedy=message("Name the folder, or set {variable}.", variable=VARIABLE),
            where=str(folder),
        )
    return folder
