# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page as a web application, with limits on requests and on what the browser may load."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import fastapi
import gradio as gr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppdeepfill.app.events import Events, Workshop
from ppdeepfill.app.methods import Methods
from ppdeepfill.app.page import THEME, WEB, build
from ppdeepfill.app.visits import Visits
from ppdeepfill.app.words import LANGUAGES, Words, preferred
from ppdeepfill.app.worker import Jobs, Worker
from ppdeepfill.segmentation.recognition import Recognition, Recognizer

MOST_BODY = 48 << 20  # bytes of a request: the largest photo in base64, and a little more
ICON = "en/favicon.ico"  # browsers ask for it at the root
# The browser may contact only this server. gradio's templates need eval.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'self'"
)


@contextmanager
def application(
    device: str, *, recognition: Recognition | None = None, language: str | None = None
) -> Iterator[tuple[fastapi.FastAPI, Workshop]]:
    """Build the page in each language, and the parts that these pages share.

    Within this context, they compute on a device. The first network is loaded in the background.

    Args:
        device: see `use_device`.
        recognition: a PaddleSeg model, to mark things by class.
        language: one of LANGUAGES; None: as the browser asks.

    Raises:
        UserError: the device or the PaddleSeg model cannot be used.
    """
    worker = Worker(device)
    jobs = Jobs(worker)
    try:
        recognizer = recognition and worker.run(Recognizer, recognition).result()
        workshop = Workshop(jobs, Methods(), Visits(), recognizer)
        worker.run(workshop.methods.inpainter, workshop.methods.names()[0])
        app = fastapi.FastAPI(openapi_url=None)
        app.add_middleware(Limits)
        app.add_api_route("/", _to_language(language))
        app.add_api_route("/favicon.ico", lambda: fastapi.responses.RedirectResponse(ICON))
        for code in LANGUAGES:
            app = _with_page(app, Events(workshop, Words(code)))
        yield app, workshop
    finally:
        jobs.close()
        worker.close()


def _to_language(language: str | None) -> Callable:
    """Return the handler that redirects a browser to `language`, or else to its own."""

    def redirect(request: fastapi.Request) -> fastapi.responses.RedirectResponse:
        asked = preferred(request.headers.get("accept-language", ""))
        # Relative, so that it works behind a proxy that serves the page below a path.
        return fastapi.responses.RedirectResponse(f"{language or asked}/")

    return redirect


def _with_page(app: fastapi.FastAPI, events: Events) -> fastapi.FastAPI:
    return gr.mount_gradio_app(
        app,
        build(events),
        path=f"/{events.words.language}",
        theme=THEME,
        css_paths=WEB / "page.css",
        footer_links=[],
        max_file_size=1,  # nothing is uploaded as a file
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
    )


class Limits:
    """Refuses requests that are too large, and sends the content security policy."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BODY:
            refusal = fastapi.responses.PlainTextResponse("too large", status_code=413)
            await refusal(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                ]
            await send(message)

        await self._app(scope, _limited(receive), send_with_policy)


def _limited(receive: Receive) -> Receive:
    """Disconnect when a body without a content-length becomes too large."""
    received = 0

    async def receive_within_limit() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if received > MOST_BODY else message

    return receive_within_limit
