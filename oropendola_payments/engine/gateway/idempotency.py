"""Idempotency keys: the same attempt and operation always give the same key, and no other one gives it."""

import hashlib
from typing import Any

import frappe


def operation_key(*parts: str) -> str:
	"""Return 40 hexadecimal digits that depend on the parts alone, so a repeat after a crash sends the same key."""
	text = "|".join((frappe.local.site, *map(str, parts)))
	return hashlib.sha256(text.encode()).hexdigest()[:40]


def fingerprint(*parts: Any) -> str:
	"""Return a hash of request parameters, to detect a repeated client key with other parameters."""
	return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:40]
