"""The OpenAPI document as a whole."""

import oropendola_payments
from oropendola_payments.openapi.endpoints import modules, public_endpoints
from oropendola_payments.openapi.operations import operation
from oropendola_payments.openapi.refusals import SHAPES, Responses
from oropendola_payments.openapi.schemas import Schemas
from oropendola_payments.openapi.security import SCHEMES

DESCRIPTION = """\
Plans, subscriptions, payments and usage of AI services. Send arguments as JSON, as a form or, with GET, in the address; if there is
a JSON body, the address is ignored. A success has status 200 and `{"message": {"success": true, ...}}`, a refusal its own status and
`{"message": {"success": false, "error": "...", "error_code": "..."}}`. Amounts are in the major unit, times have an offset.
Fields, error codes and words in lists may be added; what is here stays.\
"""


def build() -> dict:
	"""The document: every public endpoint and no other one."""
	schemas, refused = Schemas(), Responses()
	paths = {
		endpoint.path: {
			method.lower(): operation(endpoint, method.lower(), schemas, refused)
			for method in sorted(endpoint.methods)
		}
		for endpoint in public_endpoints()
	}
	return {
		"openapi": "3.1.0",
		"info": _info(),
		"servers": [{"url": "/", "description": "The site that serves this document."}],
		"tags": _tags(paths),
		"paths": paths,
		"components": {
			"schemas": dict(sorted((SHAPES | schemas.named).items())),
			"responses": dict(sorted(refused.named.items())),
			"securitySchemes": SCHEMES,
		},
	}


def _info() -> dict:
	return {
		"title": "Oropendola Payments",
		"version": oropendola_payments.__version__,
		"description": DESCRIPTION,
		"license": {"name": "MIT", "identifier": "MIT"},
	}


def _tags(paths: dict) -> list[dict]:
	used = {tag for item in paths.values() for one in item.values() for tag in one["tags"]}
	texts = {module.__name__.rpartition(".")[2]: module.__doc__ or "" for module in modules()}
	return [{"name": name, "description": texts[name].partition("\n")[0]} for name in sorted(used)]
