"""ONNX Runtime in FastAPI, as one would write it for speed: the tensors as raw bytes in the body, one behind the other,
those of the answer likewise; the engine on FastAPI's threads, so that the event loop goes on. Run by uvicorn."""

from __future__ import annotations

import math
import os

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from bench.peers.session import NUMPY_OF, open_session, specs

app = FastAPI()
session = open_session()
inputs = specs(os.environ["PEER_INPUTS"])


def run(body: bytes) -> bytes:
    feeds, offset = {}, 0
    for name, datatype, shape in inputs:
        array = np.frombuffer(body, NUMPY_OF[datatype], math.prod(shape), offset)
        feeds[name] = array.reshape(shape)
        offset += array.nbytes
    return b"".join(output.tobytes() for output in session.run(None, feeds))


@app.get("/ready")
async def ready() -> Response:
    return Response()


@app.post("/predict")
async def predict(request: Request) -> Response:
    body = await request.body()
    return Response(await run_in_threadpool(run, body), media_type="application/octet-stream")
