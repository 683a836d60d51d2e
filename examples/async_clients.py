"""Many requests at once from asyncio, over a pool of connections that are each verified."""

from __future__ import annotations

import asyncio
import sys
import time

import blindai
import numpy as np


async def main(model_id: str, requests: int = 64) -> None:
    async with blindai.AsyncClient(max_concurrency=8) as client:
        described = await client.model(model_id)
        shape = [size if size > 0 else 1 for size in described["inputs"][0]["shape"]]
        begin = time.perf_counter()
        answers = await asyncio.gather(
            *(client.predict(model_id, np.zeros(shape, dtype=np.float32)) for _ in range(requests))
        )
        seconds = time.perf_counter() - begin
    print(f"{len(answers)} answers in {seconds:.2f} s, the first: {answers[0].output[0]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: async_clients.py MODEL_ID   (a model with one float32 input)")
    asyncio.run(main(sys.argv[1]))
