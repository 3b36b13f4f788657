"""Content-Security-Policy of the customer pages: own files and, where a gateway's script runs, that gateway's hosts."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import frappe

from oropendola_payments.api.callbacks import forget_cookies

# The origin must be sent, because some gateways refuse requests without a referrer.
REFERRER = "strict-origin-when-cross-origin"
SELF = "'self'"
NONE = "'none'"
HIDDEN = "/p/***"


def own_page(nonce: str) -> dict[str, tuple[str, ...]]:
	"""Return the policy for own files only. Scripts need our nonce."""
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
	"""Allow a form to the gateway. Any https target, because `form-action` also applies to redirects to unknown bank hosts."""
	return {**policy, "form-action": (SELF, "https:", origin(address))}


def runs_script(policy: dict, hosts: Iterable[str], script: str) -> dict:
	"""Allow the gateway's script. Frames from any https host, because they continue to unknown bank hosts."""
	allowed = tuple(dict.fromkeys([*hosts, origin(script)]))
	return {
		**posts_away(policy, script),
		"script-src": (*policy["script-src"], *allowed),
		# The scripts need inline styles, which cannot run code.
		"style-src": (SELF, "'unsafe-inline'", *allowed),
		"img-src": (*policy["img-src"], "https:"),
		"font-src": ("data:", *allowed),
		"connect-src": (SELF, *allowed),
		"frame-src": (SELF, "https:", origin(script)),
	}


def framed_by(policy: dict, frontend: str) -> dict:
	"""Allow a frontend of the seller's own to show the page in a frame."""
	return {**policy, "frame-ancestors": (SELF, frontend)}


def origin(address: str) -> str:
	parts = urlsplit(address)
	return f"{parts.scheme}://{parts.netloc}"


def keep_secret(referrer: str = "no-referrer"):
	"""For a page whose address is a secret: no referrer, no search engine, no log of the framework gets it."""
	frappe.local.flags.payments_page_referrer = referrer
	frappe.local.flags.payments_page_is_secret = True


def hide_path(request):
	"""Mask the address of this request where the framework logs it after the answer: its request log and its monitor."""
	request.path = HIDDEN
	for cached in ("full_path", "url", "base_url"):
		request.__dict__.pop(cached, None)
	monitor = getattr(frappe.local, "monitor", None)
	if monitor and monitor.data.get("request"):
		monitor.data.request.path = HIDDEN


def set_headers(response=None, request=None):
	"""Set the page's policy, for `after_request`. Without a session cookie in the request, remove the Guest cookies of the answer."""
	policy = frappe.local.flags.payments_page_policy
	if not policy or not response:
		return
	rules = "; ".join(f"{name} {' '.join(dict.fromkeys(sources))}" for name, sources in policy.items())
	response.headers["Content-Security-Policy"] = rules
	response.headers["Cache-Control"] = "no-store"
	response.headers["X-Content-Type-Options"] = "nosniff"
	response.headers["Referrer-Policy"] = frappe.local.flags.payments_page_referrer or REFERRER
	if frappe.local.flags.payments_page_is_secret:
		response.headers["X-Robots-Tag"] = "noindex, nofollow"
		hide_path(request)
	if "sid" not in request.cookies:
		forget_cookies()
