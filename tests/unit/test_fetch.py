"""Public data are taken only when they are the published ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import threading
import zipfile
from dataclasses import replace

import pytest

from riskmodel.errors import DeliveryError, UsageError
from riskmodel.sources.fetch import PublicData, PublicFile, content_digest, new_folder, obtain, verified

TEXT = "id,weight\n1,10.0\n2,\n"
OTHER_COPY = '"id","weight"\r\n"2","?"\r\n"1","10"\r\n'


def silent(_text):
    return None


def public_file(name="courses.csv", text=TEXT, rows=2, **given):
    digest = hashlib.sha256(text.encode()).hexdigest()
    content = content_digest(io.StringIO(text), ",")[0]
    return PublicFile(name, rows, digest, content, **({"member": name} | given))


DATA = PublicData("Small", "small", "http://127.0.0.1:9/small.zip", "nobody", "CC BY 4.0", (public_file(),))


@pytest.fixture
def publisher(tmp_path):
    """A publisher on this machine, who gives what stands in its folder."""
    folder = tmp_path / "publisher"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield folder, replace(DATA, address=f"http://127.0.0.1:{server.server_port}/small.zip")
    server.shutdown()
    server.server_close()
    thread.join()


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as opened:
        for name, text in members.items():
            opened.writestr(f"inside/{name}.csv", text)


def test_a_copy_with_the_published_bytes_is_taken_unchanged(tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "courses.csv").write_text(TEXT)
    obtain(DATA, tmp_path / "raw", tmp_path / "copy", silent)
    assert (tmp_path / "raw" / "courses.csv").read_text() == TEXT


def test_a_copy_may_lie_beside_other_data_sets(tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "courses.csv").write_text(TEXT)
    assert verified(DATA, tmp_path, silent) == tmp_path / "small"


def test_quoting_line_ends_order_and_the_mark_for_missing_make_no_other_content(tmp_path):
    (tmp_path / "courses.csv").write_bytes(OTHER_COPY.encode())
    assert verified(DATA, tmp_path, silent) == tmp_path


@pytest.mark.parametrize("text", ["id,weight\n1,10.0\n2,0\n", "id,weight\n1,10.1\n2,\n", "id,wait\n1,10.0\n2,\n"])
def test_one_changed_value_or_name_is_refused_with_both_digests(tmp_path, text):
    (tmp_path / "courses.csv").write_text(text)
    with pytest.raises(DeliveryError) as refused:
        verified(DATA, tmp_path, silent)
    assert DATA.files[0].sha256 in str(refused.value)
    assert hashlib.sha256(text.encode()).hexdigest() in str(refused.value)
    assert "courses.csv" in refused.value.where


def test_a_cut_file_is_refused_with_wanted_and_found_rows(tmp_path):
    (tmp_path / "courses.csv").write_text("id,weight\n1,10.0\n")
    with pytest.raises(DeliveryError, match=r"must have 2 rows.*It has 1"):
        verified(DATA, tmp_path, silent)


def test_a_missing_file_is_refused_and_a_derived_one_is_not(tmp_path):
    derived = public_file("derived.csv", member="")
    with pytest.raises(DeliveryError, match="missing"):
        verified(DATA, tmp_path, silent)
    (tmp_path / "courses.csv").write_text(TEXT)
    assert verified(replace(DATA, files=(*DATA.files, derived)), tmp_path, silent) == tmp_path


def test_the_publisher_s_archive_is_downloaded_and_verified(tmp_path, publisher):
    folder, data = publisher
    archive(folder / "small.zip", courses=OTHER_COPY, more="not asked for")
    obtain(data, tmp_path / "raw", None, silent)
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["courses.csv"]


def test_only_the_first_rows_of_a_long_member_are_kept_where_only_they_are_known(tmp_path, publisher):
    folder, data = publisher
    archive(folder / "small.zip", clicks=TEXT + "3,4\n4,5\n")
    data = replace(data, files=(public_file("clicks_first2.csv.gz", member="clicks.csv"),))
    obtain(data, tmp_path / "raw", None, silent)
    with pytest.raises(DeliveryError, match="must have 3 rows"):
        verified(replace(data, files=(replace(data.files[0], rows=3),)), tmp_path / "raw", silent)


def test_an_archive_that_somebody_downloaded_is_taken_from_its_folder(tmp_path):
    (tmp_path / "downloads").mkdir()
    archive(tmp_path / "downloads" / "small.zip", courses=TEXT)
    obtain(DATA, tmp_path / "raw", tmp_path / "downloads", silent)
    assert (tmp_path / "raw" / "courses.csv").read_text() == TEXT


def test_a_changed_file_at_the_publisher_s_is_refused(tmp_path, publisher):
    folder, data = publisher
    archive(folder / "small.zip", courses=TEXT.replace("10.0", "11"))
    with pytest.raises(DeliveryError, match="content differs"):
        obtain(data, tmp_path / "raw", None, silent)


@pytest.mark.parametrize("content", [b"not an archive", None])
def test_a_damaged_archive_or_a_silent_publisher_is_told_with_what_to_do(tmp_path, publisher, content):
    folder, data = publisher
    if content is not None:
        (folder / "small.zip").write_bytes(content)
    with pytest.raises(DeliveryError) as told:
        obtain(data, tmp_path / "raw", None, silent)
    assert told.value.exit_code == 3
    assert told.value.remedy.in_language("lv") != told.value.remedy.in_language("en")


def test_nothing_stays_behind_when_the_work_fails(tmp_path):
    def fail_half_way():
        with new_folder(tmp_path / "to") as part:
            (part / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_not_written_into(tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine").write_text("mine")
    with pytest.raises(UsageError), new_folder(tmp_path / "to"):
        pass
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["mine"]
