"""The RateLimit headers of the IETF draft, and Retry-After, on the answers about usage. For `after_request`."""

from typing import Any

import frappe

from oropendola_payments.api import own_paths


def set_headers(response: Any = None, request: Any = None) -> None:
	"""Name the policy of each limit, and the one nearest to its end. Other answers are unchanged."""
	if not response or not own_paths.TAKES_API_KEY.match(request.path):
		return
	limits = frappe.local.flags.payments_rate_limit
	if limits:
		policies = (f'"{name}";q={limit};w={length}' for name, limit, length, _left, _seconds in limits)
		name, _limit, _length, left, seconds = min(limits, key=lambda row: row[3] / max(1, row[1]))
		response.headers["RateLimit-Policy"] = ", ".join(policies)
		response.headers["RateLimit"] = f'"{name}";r={left};t={seconds}'
	if response.status_code == 429:
		response.headers["Retry-After"] = str(frappe.local.flags.payments_retry_after or 1)
