"""Idempotency keys: the same attempt and operation give the same key for ever, anything else another one."""

import hashlib
from typing import Any

import frappe


def operation_key(*parts: str) -> str:
	"""40 hexadecimal digits, chosen before the call, so that a repetition after a crash is the same request."""
	text = "|".join((frappe.local.site, *map(str, parts)))
	return hashlib.sha256(text.encode()).hexdigest()[:40]


def fingerprint(*parts: Any) -> str:
	"""Tells whether a repeated client key comes with the same parameters."""
	return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:40]
