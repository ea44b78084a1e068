# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Limit the number of requests and the bytes of each, before reading them."""

import time

import anyio
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppdeepfill.serving.limits import Limits

RETRY_AFTER = 2  # seconds
DRAINING = 2  # seconds to read and drop a refused upload: many clients read the answer only then


class Admission:
    """Middleware around the application. It counts and limits only POST requests.

    Args:
        app: the application.
        limits: `queue`, `megabytes` and `upload_seconds` are enforced here.

    Attributes:
        inside: number of POST requests that are arriving, waiting or being computed.
    """

    def __init__(self, app: ASGIApp, limits: Limits):
        self._app = app
        self._limits = limits
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with a reason."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            self._check(dict(scope["headers"]))
        except HTTPException as refusal:
            await _drain(receive)
            await answer(refusal)(scope, receive, send)
            return
        self.inside += 1
        try:
            await self._app(scope, self._bounded(receive), send)
        finally:
            self.inside -= 1

    def _check(self, headers: dict[bytes, bytes]) -> None:
        if self.inside > self._limits.queue:
            raise HTTPException(
                503,
                f"{self.inside} requests are already waiting; try again in {RETRY_AFTER} seconds",
                {"Retry-After": str(RETRY_AFTER)},
            )
        if int(headers.get(b"content-length", 0)) > self._limits.bytes:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413, f"a request may have at most {self._limits.megabytes} MB; send a smaller photo"
        )

    def _bounded(self, receive: Receive) -> Receive:
        """The client's messages; HTTPException once they are too large or take too long."""
        deadline = time.monotonic() + self._limits.upload_seconds
        size, complete = 0, False

        async def bounded() -> Message:
            nonlocal size, complete
            if complete:  # the next message comes when the client disconnects
                return await receive()
            try:
                with anyio.fail_after(deadline - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    408,
                    f"the request did not arrive within {self._limits.upload_seconds} seconds",
                    {"Connection": "close"},
                ) from None
            size += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if size > self._limits.bytes:
                raise self._too_large()
            return message

        return bounded


def answer(refusal: HTTPException) -> JSONResponse:
    """The answer to a refused request."""
    return JSONResponse({"error": refusal.detail}, refusal.status_code, refusal.headers)


async def _drain(receive: Receive) -> None:
    with anyio.move_on_after(DRAINING):
        while (await receive()).get("more_body", False):
            pass
