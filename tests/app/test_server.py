# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How the page starts and ends."""

import importlib.util
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from ppdeepfill.app import server
from ppdeepfill.cli import main

NEEDS_GRADIO = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="needs gradio: pip install -e '.[app]'"
)


def test_a_port_in_use_is_named(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["app", "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_host_that_does_not_exist_is_named(capsys):
    assert main(["app", "--host", "no.such.host.invalid"]) == 2
    assert "--host no.such.host.invalid" in capsys.readouterr().err


def test_without_gradio_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "ppdeepfill.app.application", raising=False)
    assert main(["app", "--port", "7999"]) == 2
    assert 'pip install -e ".[app]"' in capsys.readouterr().err


def test_the_scratch_folder_goes_at_the_end():
    with pytest.raises(KeyboardInterrupt), server.scratch_folder() as folder:
        (Path(folder) / "photo").touch()
        raise KeyboardInterrupt
    assert not Path(folder).exists()


@NEEDS_GRADIO
def test_a_request_that_is_too_large_is_refused(served):
    for path in ("", "en/gradio_api/queue/join", "zh/gradio_api/upload"):
        request = urllib.request.Request(served.url + path, data=b"x" * 100, method="POST")
        request.add_header("Content-Length", str(1 << 30))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 413


@NEEDS_GRADIO
def test_no_file_is_taken_and_no_file_of_the_computer_given(served):
    form = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhi\r\n--x--'
    )
    request = urllib.request.Request(served.url + "en/gradio_api/upload", data=form, method="POST")
    request.add_header("Content-Type", "multipart/form-data; boundary=x")
    paths = [
        request,
        *(f"{served.url}en/gradio_api/file={path}" for path in ("/etc/passwd", __file__)),
    ]
    for asked in paths:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=20)
        assert 400 <= refused.value.code < 500
    assert not [path for path in Path(served.folder).rglob("*") if path.is_file()]


@NEEDS_GRADIO
@pytest.mark.parametrize(
    ("language", "accepted", "page"),
    [(None, "zh-CN", "zh/"), (None, "de", "en/"), ("zh", "en", "zh/")],
)
def test_the_root_leads_to_a_language(language, accepted, page):
    from ppdeepfill.app.application import _to_language

    request = SimpleNamespace(headers={"accept-language": accepted})
    assert _to_language(language)(request).headers["location"] == page


@NEEDS_GRADIO
def test_the_browser_is_told_to_stay_here(served):
    with urllib.request.urlopen(served.url, timeout=20) as answer:
        policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_page_that_is_ended_leaves_nothing(number, start):
    page = start()
    assert list(page.folder.glob("ppdeepfill-app-*"))
    page.process.send_signal(number)
    _, errors = page.process.communicate(timeout=60)
    assert page.process.returncode == 128 + number
    assert "Traceback" not in errors
    assert not list(page.folder.iterdir())
