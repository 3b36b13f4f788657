"""A toy model server that speaks a little of OpenAI's language, behind the FastAPI dependency.

pip install "./clients/python[fastapi]" uvicorn
SITE=http://localhost:8000 uvicorn --app-dir clients/python/examples toy_server:app --port 9000
curl -H "Authorization: Bearer oro_..." -d '{"messages": []}' localhost:9000/v1/chat/completions
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from oropendola_usage import AsyncClient, AsyncMeter
from oropendola_usage.fastapi import require_key

meter = AsyncMeter(AsyncClient(os.environ.get("SITE", "http://localhost:8000")))


@asynccontextmanager
async def giving_back(_app: FastAPI) -> AsyncIterator[None]:
	yield
	await meter.close()


app = FastAPI(lifespan=giving_back)


@app.post("/v1/chat/completions", dependencies=[Depends(require_key(meter))])
async def chat() -> dict:
	answer = {"role": "assistant", "content": "I am a toy."}
	usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
	return {
		"id": "toy-1",
		"object": "chat.completion",
		"created": 0,
		"model": "toy",
		"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
		"usage": usage,
	}


@app.get("/v1/models")
async def models() -> dict:
	return {"object": "list", "data": [{"id": "toy", "object": "model"}]}
