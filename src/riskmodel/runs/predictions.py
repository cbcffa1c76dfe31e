"""The table ``prediction``: written and read cohort by cohort, since a national run holds millions of its rows.

All models of one cohort and split stand in one row group, each with the same pupils in the same order, so that keys are
written once. The file reads like any other table of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk.predicted import Predicted
from riskmodel.runs.parquet import packing_of
from riskmodel.settings import HEADLINE_SPLITS
from riskmodel.tables.scores import PREDICTION

KEYS = ("split_code", "model_code", "pupil_id", "school_id")
"""Text columns; each value is kept once per row group."""

LARGEST_DICTIONARY = 1 << 28


class PredictionWriter:
    """Writes ``<folder>/prediction.parquet``: cohorts by day, splits of a cohort by code."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        schema = _schema()
        self._file = pq.ParquetWriter(
            path_of(folder),
            schema,
            **packing_of(schema),
            version="2.6",
            use_dictionary=["cohort_on", *KEYS, "label"],
            write_statistics=["cohort_on"],
            dictionary_pagesize_limit=LARGEST_DICTIONARY,
            store_schema=False,
        )

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Finish the file."""
        self._file.close()

    def write(self, predicted: Predicted) -> None:
        """Write one cohort and split as one row group."""
        rows = _rows(predicted)
        self._file.write_table(rows, row_group_size=max(1, rows.num_rows))


def path_of(folder: Path) -> Path:
    """Return where the table lies."""
    return folder / f"{PREDICTION.name}.parquet"


def read_prediction(folder: Path, number: int, only: str | None = None) -> Predicted:
    """Return one cohort and split, by its number among :func:`predicted_parts`; schools are categorical.

    With ``only``, of this model alone, or of none where it was not asked.
    """
    cohort_on, split_code = predicted_parts(folder)[number]
    file = pq.ParquetFile(path_of(folder), read_dictionary=list(KEYS), memory_map=True)
    model = file.read_row_group(number, ["model_code"], use_threads=False)["model_code"].combine_chunks()
    codes = model.dictionary.to_pylist()

    def of_models(*columns: str) -> Iterator[pa.RecordBatch]:
        yield from file.iter_batches(len(model) // len(codes), row_groups=[number], columns=columns, use_threads=False)

    # Who they are stands there again with each model; pages behind the last model that is asked for are not unpacked.
    first = next(of_models("pupil_id", "school_id", "label"))
    asked = codes if only is None else codes[: codes.index(only) + 1 if only in codes else 0]
    return Predicted(
        cohort_on=cohort_on,
        split_code=split_code,
        pupil_id=first["pupil_id"].cast(pa.string()).to_pandas(),
        school_id=first["school_id"].to_pandas(),
        label=np.asarray(first["label"].to_pandas(), dtype=np.float64),
        by_model={
            code: (scores["raw_score"].to_numpy(), scores["probability"].to_numpy())
            for code, scores in zip(asked, of_models("raw_score", "probability"), strict=False)
            if only in (None, code)
        },
    )


def predicted_parts(folder: Path) -> list[tuple[date, str]]:
    """Return the cohort and split of each part: oldest cohort first, splits by code."""
    file = pq.ParquetFile(path_of(folder), read_dictionary=["split_code"])
    columns = ["cohort_on", "split_code"]
    firsts = [
        next(file.iter_batches(1, row_groups=[number], columns=columns, use_threads=False)).to_pylist()[0]
        for number in range(file.metadata.num_row_groups)
    ]
    return [(first["cohort_on"], first["split_code"]) for first in firsts]


class Newest(NamedTuple):
    """The newest predicted cohort by the headline's split, and its number among :func:`predicted_parts`."""

    number: int
    cohort_on: date
    split_code: str


def newest_predicted(tested: Sequence[tuple[date, str]]) -> Newest | None:
    """Return which of the parts that :func:`predicted_parts` lists makes the headline; None where no cohort was predicted.

    >>> newest_predicted([(date(2022, 12, 20), "mature"), (date(2023, 12, 20), "mature"), (date(2023, 12, 20), "strict")])
    Newest(number=1, cohort_on=datetime.date(2023, 12, 20), split_code='mature')
    """
    for split in HEADLINE_SPLITS:
        of_split = [(day, number) for number, (day, made) in enumerate(tested) if made == split]
        if of_split:
            cohort_on, number = max(of_split)
            return Newest(number, cohort_on, split)
    return None


def summary(predicted: Predicted) -> list[dict[str, object]]:
    """Return, per model, the number of pupils, of those who left, and the mean probability."""
    return [
        {
            "cohort_on": predicted.cohort_on,
            "split_code": predicted.split_code,
            "model_code": code,
            "pupils": len(predicted.label),
            "left": int(np.nansum(predicted.label)),
            "mean_probability": float(predicted.by_model[code][1].mean()),
        }
        for code in sorted(predicted.by_model)
    ]


def _rows(predicted: Predicted) -> pa.Table:
    """Return the rows in the order of the table's key, texts as numbers into a list of their values.

    Each model is a chunk, and what all share is one array in every chunk: nothing is copied.
    """
    pupils, codes = len(predicted.label), sorted(predicted.by_model)
    school, schools = pd.factorize(predicted.school_id, sort=True)
    raw, probability = ([pa.array(predicted.by_model[code][place]) for code in codes] for place in (0, 1))
    shared = {
        "cohort_on": pa.repeat(pa.scalar(predicted.cohort_on, pa.date32()), pupils),
        "split_code": _coded(np.zeros(pupils), [predicted.split_code]),
        "pupil_id": _coded(np.arange(pupils), predicted.pupil_id),
        "school_id": _coded(school, schools),
        "label": pa.array(predicted.label, mask=np.isnan(predicted.label)).cast(pa.int64()),
    }
    chunks = {name: [array] * len(codes) for name, array in shared.items()} | {
        "model_code": [_coded(np.full(pupils, place), codes) for place in range(len(codes))],
        "raw_score": raw,
        "probability": probability,
    }
    return pa.table({name: pa.chunked_array(chunks[name]) for name in PREDICTION.column_names}, schema=_schema())


def _schema() -> pa.Schema:
    declared = PREDICTION.arrow_schema()
    coded = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([field.with_type(coded) if field.name in KEYS else field for field in declared]).remove_metadata()


def _coded(numbers: NDArray[Any], values: object) -> pa.DictionaryArray:
    words = pa.array(values, pa.string())
    if isinstance(
        words, pa.ChunkedArray
    ):  # as a column of pandas may come: text by text it would take a tenth of a second
        words = words.combine_chunks()
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), words)
