"""Many requests at once from asyncio, over a pool of connections that are each verified."""

from __future__ import annotations

import asyncio
import sys
import time

import blindai
import numpy as np


async def main(model_id: str, requests: int = 200) -> None:
    async with blindai.AsyncClient(max_connections=16) as client:
        described = await client.model(model_id)
        shape = [size if size > 0 else 1 for size in described["inputs"][0]["shape"]]
        begin = time.perf_counter()
        answers = await asyncio.gather(
            *(client.predict(model_id, np.zeros(shape, dtype=np.float32)) for _ in range(requests))
        )
        seconds = time.perf_counter() - begin
        # The same as a batch: results in order, and an error in the place of an input that the model does not take.
        inputs = [np.zeros(shape, dtype=np.float32), np.zeros([*shape, 1], dtype=np.float32)]
        results = await client.with_options(timeout=10).predict_batch(model_id, inputs, return_errors=True)
    print(f"{len(answers)} answers in {seconds:.2f} s, the first: {answers[0].output[0]}")
    for result in results:
        print(f"refused: {result}" if isinstance(result, blindai.BlindAIError) else f"answered: {result.output[0]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: async_clients.py MODEL_ID   (a model with one float32 input)")
    asyncio.run(main(sys.argv[1]))
