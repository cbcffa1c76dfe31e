"""A11–A17, A24, A49: nothing of Jupyter and Voila can be reached but the portal's own pages."""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path

import invented_run
import pytest
import raw_http
import served_portal
from jupyter_server.extension.utils import ExtensionLoadingError, get_loader

TRACE = Path(tempfile.gettempdir()) / "riskmodel-attack"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
REFUSED = {400, 401, 403, 404, 405}
KERNEL = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"
FILES = [
    f"/voila/files/{folder}{name}"
    for folder in ("", "views/", "notebooks/views/", "../", "data/")
    for name in ("school.png", "chart.svg", "pupils.csv", "school.ipynb", "voila.py", "101.json")
]
OF_JUPYTER = [
    "/api",
    "/api/me",
    "/api/status",
    "/api/config/notebook",
    "/api/kernels",
    "/api/kernelspecs",
    f"/api/kernels/{KERNEL}",
    f"/api/kernels/{KERNEL}/channels",
    f"/api/kernels/{KERNEL}/restart",
    f"/api/kernels/{KERNEL}/interrupt",
    "/api/contents",
    "/api/contents/school.ipynb",
    "/api/sessions",
    "/api/terminals",
    "/api/nbconvert/html",
    "/api/events/subscribe",
    "/api/shutdown",
    f"/voila/api/shutdown/{KERNEL}",
    "/terminals/websocket/1",
    "/files/school.ipynb",
    "/view/school.ipynb",
    "/nbconvert/html/school.ipynb",
    "/lab",
    "/tree",
    "/metrics",
    "/voila/static/voila.js",
    "/voila/templates/lab/static/x.js",
    "/voila/labextensions/x",
    "/static/favicon.ico",
]
SOCKETS = [
    f"/voila/query/{KERNEL}",
    f"/api/kernels/{KERNEL}/channels",
    "/terminals/websocket/1",
    "/lv/",
    "/lv/school/101",
]
MESSAGES = {
    # A14 and A15: what a kernel would do, if there were a way to tell it.
    "execute_request": {"code": f"open({str(TRACE)!r}, 'w').write('x')", "silent": False},
    "inspect_request": {"code": "extract", "cursor_pos": 3, "detail_level": 1},
    "complete_request": {"code": "extract.", "cursor_pos": 8},
    "history_request": {"hist_access_type": "tail", "n": 10},
    "debug_request": {"type": "request", "command": "debugInfo"},
    "comm_msg": {"comm_id": "x", "data": {"method": "update", "state": {"value": "102"}}},
    "comm_open": {
        "comm_id": "x",
        "target_name": "jupyter.widget",
        "data": {"state": {"_model_name": "FileUploadModel"}},
    },
    "shutdown_request": {"restart": False},
}
VIEWS = [
    "/school.ipynb",
    "/views/school.ipynb",
    "/notebooks/views/school.ipynb",
    "/voila/render/school.ipynb",
    "/voila/render/views/school.ipynb",
    "/voila/render/views/.ipynb_checkpoints/school-checkpoint.ipynb",
    "/lv/school.ipynb",
    "/lv/views/school",
    "/lv/schools",
    "/lv/.ipynb_checkpoints/school",
    "/lv/10_ingest",
]


@pytest.fixture(scope="module")
def director(readers):
    return readers("director.101")


@pytest.mark.parametrize("path", FILES)
def test_a11_no_file_beside_the_views_is_served(director, path):
    assert director.ask(path).status == 404


@pytest.mark.parametrize("path", OF_JUPYTER)
def test_a13_no_service_of_jupyter_answers_to_any_method(director, path):
    found = {
        method: raw_http.status(raw_http.send(director.served, raw_http.head(director, method, path)))
        for method in METHODS
    }
    assert {method: status for method, status in found.items() if status not in REFUSED} == {}
    assert found["GET"] == 404


@pytest.mark.parametrize("path", SOCKETS)
def test_a12_a14_a15_no_address_becomes_a_socket_to_a_kernel(director, path, tmp_path):
    upgrade = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {'a' * 22}==",
    )
    with raw_http.opened(director.served) as connection:
        connection.sendall(raw_http.head(director, "GET", path, *upgrade))
        for kind, content in MESSAGES.items():
            told = {
                "header": {"msg_type": kind, "msg_id": kind},
                "parent_header": {},
                "metadata": {},
                "content": content,
            }
            for channel in ("shell", "control"):
                connection.sendall(_frame(json.dumps(told | {"channel": channel}).encode()))
        answer = connection.recv(65_536)
    assert raw_http.status(answer) in {200, 302, 404}
    assert b"upgrade: websocket" not in answer.lower()
    assert not TRACE.exists()


def _frame(payload: bytes) -> bytes:
    """Return a text frame of a socket, masked with zeros."""
    return bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def test_a16_a_kernel_that_waits_cannot_be_reached_by_its_name(portal, director, readers):
    director.ask("/lv/school/101")  # afterwards there are kernels that wait
    stranger = readers("director.102")
    names = [path.name for path in _homes(portal)]
    assert names, "no kernel waits"
    for name in names:
        for path in (f"/api/kernels/{name}", f"/voila/api/shutdown/{name}", f"/voila/query/{name}"):
            assert stranger.ask(path).status == 404
            assert stranger.ask(path, "DELETE").status == 405
            assert stranger.post(path, {"token": "0" * 64}).status in {403, 404, 405}
    assert portal.kernels() > 0
    assert director.ask("/en/school/101").status == 200


def _homes(portal):
    """Return the folders of the kernels of a portal, found as somebody would who can look into the machine."""
    from pathlib import Path

    import psutil

    children = psutil.Process(portal.process.pid).children(recursive=True)
    found = {Path(part).parent for child in children for part in child.cmdline() if part.endswith("k.json")}
    folders = {Path(one.environ().get("HOME", "/nowhere")) for one in children}
    return [*found] or [
        home for folder in folders if folder.name.startswith("riskmodel-") for home in folder.iterdir() if home.is_dir()
    ]


@pytest.mark.parametrize("module", ["riskmodel", "riskmodel.portal", "riskmodel.portal.app"])
def test_a17_the_portal_cannot_be_loaded_into_a_jupyter_server(module):
    with pytest.raises(ExtensionLoadingError):
        get_loader(importlib.import_module(module))


def test_a24_files_of_the_working_directory_are_not_executed(tmp_path):
    invented_run.publish(tmp_path / "store")
    served_portal.make_register(tmp_path / "store", {"head": served_portal.PEOPLE["director.101"]})
    place = tmp_path / "here"
    for name in (
        "voila.py",
        "jupyter_config.py",
        "jupyter_server_config.py",
        "ipython_config.py",
        "sitecustomize.py",
        "riskmodel.py",
    ):
        file = place / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r})", "utf-8")
    for name in ("voila.json", "jupyter_config.json"):
        (place / name).write_text(
            '{"VoilaConfiguration": {"file_allowlist": [".*"], "show_tracebacks": true}}', "utf-8"
        )
    served = served_portal.start(tmp_path / "store", tmp_path / "log", folder=place)
    try:
        reader = served.reader("head")
        assert reader.ask("/lv/school/101").status == 200
        assert reader.ask("/voila/files/voila.py").status == 404
    finally:
        served.stop()
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("path", VIEWS)
def test_a49_a_view_is_shown_by_its_page_alone(director, path):
    assert director.ask(path).status == 404
