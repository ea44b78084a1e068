# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The addresses of the service: POST /fill, and GET /health, /info, / and /openapi.json."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ppdeepfill.errors import UserError
from ppdeepfill.photos import HoleRule
from ppdeepfill.serving.admission import Admission, answer
from ppdeepfill.serving.filling import Filled, Order
from ppdeepfill.serving.limits import Limits
from ppdeepfill.serving.worker import Worker
from ppdeepfill.versions import versions

PAGE = Path(__file__).parent / "page.html"  # FastAPI's page loads scripts from other servers
GONE = 499  # nginx's status for a client that disconnected
WATCHING = 0.5  # seconds between checks that the client is still connected


class Problem(BaseModel):
    """Why a request was not answered with a photo."""

    error: str


PROBLEMS = {
    400: "not a multipart form",
    408: "the upload took too long",
    413: "too many bytes",
    422: "unusable photo, mask or field",
    503: "too many requests are waiting; Retry-After says when to try again",
    504: "no result in time",
}
ANSWERS = {
    200: {
        "description": "the filled photo",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    **{status: {"description": text, "model": Problem} for status, text in PROBLEMS.items()},
}


def application(worker: Worker, limits: Limits) -> Admission:
    """Build the service around a network.

    Args:
        worker: fills holes; closed together with the application.
        limits: limits for clients.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    facts = versions()
    app = FastAPI(
        title="ppdeepfill",
        summary="Fills holes in photos.",
        version=facts["ppdeepfill"],
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    admission = Admission(app, limits)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_fields)
    app.add_exception_handler(UserError, _on_user_error)
    app.add_api_route("/", _page, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route("/docs", _page, include_in_schema=False, response_class=HTMLResponse)

    @app.post("/fill", response_class=Response, responses=ANSWERS)
    async def fill(
        request: Request,
        photo: Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF")],
        mask: Annotated[UploadFile, File(description="an image of the same size; white = hole")],
        mask_polarity: Annotated[Literal["white", "black"] | None, Form()] = None,
        dilate: Annotated[int, Form(ge=0, le=1000, description="widen the hole, in pixels")] = 0,
        format: Annotated[Literal["same", "png"], Form(description="of the result")] = "same",
        strict: Annotated[bool, Form(description="refuse a mask that looks wrong")] = False,
    ) -> Response:
        """Fill the hole that the mask marks. Pixels outside it do not change; a JPEG is compressed
        again."""
        rule = HoleRule(mask_polarity, None, dilate, strict)
        order = Order(photo.file, mask.file, rule, format == "png")
        return _response(await _filled(worker, order, request, limits.seconds))

    @app.get("/health")
    async def health() -> dict[str, str | int]:
        """Whether the service runs, and how many requests it is working on."""
        return {"status": "ok", "at_work": admission.inside}

    @app.get("/info")
    async def info() -> dict:
        """Versions, network and limits."""
        return {"versions": facts, "model": worker.model.description, "limits": asdict(limits)}

    return admission


async def _filled(worker: Worker, order: Order, request: Request, seconds: float) -> Filled:
    """Wait for the result; raise HTTPException if it takes too long or the client disconnects."""
    result = asyncio.wrap_future(worker.submit(order))
    leaving = asyncio.create_task(_until_gone(request))
    try:
        done, _ = await asyncio.wait(
            {result, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        leaving.cancel()
    if result in done:
        return result.result()
    result.cancel()  # works if it is still waiting; otherwise:
    order.unwanted.set()
    if leaving in done:
        raise HTTPException(GONE, "the client has disconnected")
    raise HTTPException(504, f"no result within {seconds} seconds; send a smaller photo")


async def _until_gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(WATCHING)


def _response(filled: Filled) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{filled.name}"'}
    if filled.notes:
        headers["X-Notes"] = "; ".join(filled.notes).encode("ascii", "replace").decode()
    return Response(filled.content, media_type=filled.media_type, headers=headers)


async def _page() -> HTMLResponse:
    return HTMLResponse(PAGE.read_text(encoding="utf-8"))


async def _on_http(_: Request, error: HTTPException) -> JSONResponse:
    return answer(error)


async def _on_fields(_: Request, error: RequestValidationError) -> JSONResponse:
    problems = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
    return answer(HTTPException(422, "; ".join(problems)))


async def _on_user_error(_: Request, error: UserError) -> JSONResponse:
    """Messages name the flags of the command line; the fields have the same names without --."""
    return answer(HTTPException(422, re.sub(r"--(\w+)", r"\1", str(error))))
