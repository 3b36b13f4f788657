"""What a browser may load on our pages: own files and, where a gateway's script runs inside the page, that gateway's hosts."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import frappe

from oropendola_payments.api.callbacks import forget_cookies

SELF = "'self'"
NONE = "'none'"


def own_page(nonce: str) -> dict[str, tuple[str, ...]]:
	"""Scripts with our nonce, styles and pictures from our own files, nothing from elsewhere."""
	return {
		"default-src": (NONE,),
		"script-src": (f"'nonce-{nonce}'",),
		"style-src": (SELF,),
		"img-src": (SELF, "data:"),
		"connect-src": (SELF,),
		"form-action": (SELF,),
		"frame-ancestors": (SELF,),
		"base-uri": (NONE,),
	}


def posts_away(policy: dict, address: str) -> dict:
	"""A form that goes to the gateway. Browsers hold its redirects to the rule too, and banks' hosts cannot be listed."""
	return {**policy, "form-action": (SELF, "https:", origin(address))}


def runs_script(policy: dict, hosts: Iterable[str], script: str) -> dict:
	"""The gateway's script works inside the page; its frames go on to banks' hosts, which cannot be listed."""
	allowed = tuple(dict.fromkeys([*hosts, origin(script)]))
	return {
		**posts_away(policy, script),
		"script-src": (*policy["script-src"], *allowed),
		# The scripts style their own windows; styles alone run nothing.
		"style-src": (SELF, "'unsafe-inline'", *allowed),
		"img-src": (*policy["img-src"], "https:"),
		"font-src": ("data:", *allowed),
		"connect-src": (SELF, *allowed),
		"frame-src": (SELF, "https:", origin(script)),
	}


def origin(address: str) -> str:
	parts = urlsplit(address)
	return f"{parts.scheme}://{parts.netloc}"


def set_headers(response=None, request=None):
	"""After a request: what the page that was rendered has asked for, and no cookie over a log-in that stayed at home."""
	policy = frappe.local.flags.payments_page_policy
	if not policy or not response:
		return
	rules = "; ".join(f"{name} {' '.join(dict.fromkeys(sources))}" for name, sources in policy.items())
	response.headers["Content-Security-Policy"] = rules
	response.headers["Cache-Control"] = "no-store"
	response.headers["X-Content-Type-Options"] = "nosniff"
	# The origin must go along: some gateways refuse visitors who come from nowhere.
	response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
	if "sid" not in request.cookies:
		forget_cookies()
