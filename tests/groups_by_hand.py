"""Small cohorts whose errors are known: pupils in schools, with outcomes, places, probabilities and traits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskmodel.risk.fairness.tally import Audited


def drawn(pupils: int, seed: int, *, schools: int = 40) -> dict[str, object]:
    """Return a cohort with a calibrated probability and a tenth with a place, and traits that mean nothing."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(-2, 1, pupils)
    probability = 1 / (1 + np.exp(-raw))
    return {
        "school_id": pd.Series(generator.integers(0, schools, pupils).astype(str)),
        "label": (generator.uniform(size=pupils) < probability).astype(float),
        "chance": (raw > np.quantile(raw, 0.9)).astype(float),
        "probability": probability,
        "traits": pd.DataFrame(
            {
                "sex": generator.choice(["f", "m"], pupils),
                "low_income": generator.choice([True, False, None], pupils, p=[0.2, 0.7, 0.1]),
            }
        ),
    }


def audited(pupils: int, seed: int, **changed: object) -> Audited:
    """Return such a cohort for the audit, with some of its parts changed."""
    return Audited.of(**{**drawn(pupils, seed), **changed})
