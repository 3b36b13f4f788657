"""How callers of an endpoint say who they are."""

from oropendola_payments.api.contract import Contract
from oropendola_payments.api.own_paths import TAKES_API_KEY

OAUTH = "/api/method/frappe.integrations.oauth2"
SCHEMES: dict[str, dict] = {
	"session": {
		"type": "apiKey",
		"in": "cookie",
		"name": "sid",
		"description": "The session of a browser that logged in with /api/method/login.",
	},
	"csrfToken": {
		"type": "apiKey",
		"in": "header",
		"name": "X-Frappe-CSRF-Token",
		"description": "With a session, every POST needs this token. It is in the pages of the site.",
	},
	"token": {
		"type": "apiKey",
		"in": "header",
		"name": "Authorization",
		"description": "`token KEY:SECRET`, the API key and secret of a user of the site.",
	},
	"oauth": {
		"type": "oauth2",
		"flows": {
			"authorizationCode": {
				"authorizationUrl": f"{OAUTH}.authorize",
				"tokenUrl": f"{OAUTH}.get_token",
				"scopes": {
					"all": "Everything that the user may do.",
					"transact": "Pay without a page: the two-step flow.",
				},
			}
		},
	},
	"apiKey": {
		"type": "apiKey",
		"in": "header",
		"name": "X-API-Key",
		"description": "The key of a subscription, `oro_...`. It counts usage and is no log-in.",
	},
	"bearerKey": {"type": "http", "scheme": "bearer", "description": "The same key as a bearer token."},
	"metricsToken": {
		"type": "apiKey",
		"in": "header",
		"name": "X-Metrics-Token",
		"description": "The token of a monitoring system, from Payment Settings.",
	},
}
Requirement = dict[str, list[str]]
NO_LOGIN: Requirement = {}


def security_of(contract: Contract, path: str, method: str) -> list[Requirement]:
	"""The ways to call it, one of which is enough."""
	if TAKES_API_KEY.match(path):
		return [{"apiKey": []}, {"bearerKey": []}]
	if contract.guest and not contract.header:
		return [NO_LOGIN]
	session: Requirement = {"session": []} if method in ("get", "head") else {"session": [], "csrfToken": []}
	ways: list[Requirement] = [session, {"token": []}, {"oauth": [contract.scope] if contract.scope else []}]
	return [*ways, {"metricsToken": []}] if contract.header else ways
