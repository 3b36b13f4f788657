"""The Postman collection, made of the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from oropendola_payments.openapi.operations import FORM

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
VARIABLES = {
	"site": "https://pay.example.com",
	"key": "0123456789abcde",
	"secret": "fedcba987654321",
	"api_key": "oro_...",
	"metrics_token": "...",
}
# The header that logs in, by the name of the security scheme.
HEADERS = {
	"token": ("Authorization", "token {{key}}:{{secret}}"),
	"apiKey": ("X-API-Key", "{{api_key}}"),
	"metricsToken": ("X-Metrics-Token", "{{metrics_token}}"),
}


def build(document: dict) -> dict:
	"""A collection with a folder for each tag, and a request for each endpoint."""
	return {
		"info": {
			"name": document["info"]["title"],
			"description": document["info"]["description"],
			"schema": FORMAT,
		},
		"item": [_folder(tag, document) for tag in document["tags"]],
		"variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
	}


def _folder(tag: dict, document: dict) -> dict:
	items = [
		_item(path, method, operation, document)
		for path, method, operation in _first_operations(document)
		if tag["name"] in operation["tags"]
	]
	return {"name": tag["name"], "description": tag["description"], "item": items}


def _first_operations(document: dict) -> Iterator[tuple[str, str, dict]]:
	"""One operation of each endpoint: GET where it is possible."""
	for path, item in document["paths"].items():
		method = "get" if "get" in item else next(iter(item))
		yield path, method, item[method]


def _item(path: str, method: str, operation: dict, document: dict) -> dict:
	fields = _fields(operation, document)
	in_address = [field for field in fields if method == "get" or "parameters" in operation]
	request: dict[str, Any] = {
		"method": method.upper(),
		"description": operation["description"],
		"header": _headers(operation),
		"url": _url(path, in_address),
	}
	if fields and not in_address:
		request["body"] = {"mode": "urlencoded", "urlencoded": fields}
	return {"name": path.rpartition("oropendola_payments.api.")[2], "request": request, "response": []}


def _headers(operation: dict) -> list[dict]:
	schemes = [next(iter(ways), "") for ways in operation["security"]]
	known = [HEADERS[scheme] for scheme in schemes if scheme in HEADERS][:1]
	return [{"key": name, "value": value} for name, value in (("Accept", "application/json"), *known)]


def _url(path: str, fields: list[dict]) -> dict:
	query = "&".join(f"{field['key']}={field['value']}" for field in fields if not field["disabled"])
	parts = path.strip("/").split("/")
	return {
		"raw": f"{{{{site}}}}{path}" + (f"?{query}" if query else ""),
		"host": ["{{site}}"],
		"path": parts,
		**({"query": fields} if fields else {}),
	}


def _fields(operation: dict, document: dict) -> list[dict]:
	"""The arguments with the values of the example. Those that the example leaves out are switched off."""
	if "parameters" in operation:
		named = {p["name"]: (p.get("example"), p["required"]) for p in operation["parameters"]}
	else:
		named = _body(operation, document)
	return [
		{"key": name, "value": value or "", "disabled": value is None and not is_required}
		for name, (value, is_required) in named.items()
	]


def _body(operation: dict, document: dict) -> dict[str, tuple[str | None, bool]]:
	content = operation.get("requestBody", {}).get("content", {}).get(FORM)
	if not content:
		return {}
	schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
	example, required = content.get("example", {}), schema.get("required", ())
	return {name: (example.get(name), name in required) for name in schema["properties"]}
