"""The run that a run is compared with: the newest published one of the store with an earlier cut-off date.

The rule looks at the store alone and never at ``current``, so that a command that is given again finds the same run and
stays *unchanged*. It is a source of the run like a delivery: it stands in ``inputs.json`` and in the manifest with the
digest of its results, and the run's id depends on it. Who runs an earlier date anew gives the later ones another past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.runs.durable import Digests
from riskmodel.runs.manifest import Manifest, read_manifest
from riskmodel.runs.publish import RUN_ID, Store, is_published

READ_FILES = ("tables/score.parquet", "tables/contribution.parquet", "tables/feature.parquet")
"""What a comparison reads of the earlier run."""


def previous_run(
    store: Store, cut_off: date, digests: Digests, say: Callable[[Message], None]
) -> dict[str, str] | None:
    """Return ``run_id``, ``cut_off_on`` and ``result_sha256`` of the run to compare with, or None where there is none.

    Published are runs that passed their gates and those that a person released; of one cut-off date the one that was
    finished last counts. A run that was changed afterwards is none: that is said, and the one before it counts.
    """
    published = (manifest for manifest in _earlier(store, cut_off, say) if is_published(store, manifest))
    for manifest in sorted(published, key=lambda one: (one.cut_off_date, one.finished_at, one.run_id), reverse=True):
        if _is_whole(store, manifest, digests):
            return {
                "run_id": manifest.run_id,
                "cut_off_on": manifest.cut_off_date.isoformat(),
                "result_sha256": manifest.result_sha256,
            }
        say(_damaged(manifest.run_id))
    return None


def _earlier(store: Store, cut_off: date, say: Callable[[Message], None]) -> Iterator[Manifest]:
    for folder in sorted(store.runs.iterdir()):
        if not RUN_ID.fullmatch(folder.name) or folder.name[: len("YYYY-MM-DD")] >= cut_off.isoformat():
            continue
        try:
            manifest = read_manifest(folder)
        except RunFailedError:
            say(_damaged(folder.name))
            continue
        if all(name in manifest.files for name in READ_FILES):
            yield manifest


def _is_whole(store: Store, manifest: Manifest, digests: Digests) -> bool:
    folder = store.run(manifest.run_id)
    return all(
        (folder / name).is_file() and digests.of(folder / name) == manifest.files[name].sha256 for name in READ_FILES
    )


def _damaged(run_id: str) -> Message:
    return message("The run {run_id} was changed after it was published: nothing is compared with it.", run_id=run_id)
