"""What follows a payment and must never hurt it: it starts after the commit and may fail and be repeated."""

import json

import frappe
from frappe.utils.password import decrypt, encrypt

KEY_PICKUP_SECONDS = 24 * 3600


def follow_up(settled):
	"""Queue what the outside world should learn of a settled fact."""
	if settled.changed and settled.capture:
		enqueue("oropendola_payments.engine.notifications.hooks.payment_succeeded", capture=settled.capture)
		if settled.gives_back:
			enqueue("oropendola_payments.engine.refunds.process.process_invoice", invoice=settled.invoice)
	elif settled.failed:
		enqueue("oropendola_payments.engine.notifications.hooks.payment_failed", attempt=settled.attempt)


def enqueue(method: str, **arguments):
	"""Run in a worker after the commit. A queue that is down is logged: sweeps do the work later."""
	try:
		frappe.enqueue(method, queue="short", enqueue_after_commit=False, **arguments)
	except Exception:
		frappe.log_error(title=f"Could not queue {method}"[:140], message=frappe.get_traceback())


def enqueue_after_commit(method: str, **arguments):
	"""As `later`, for a caller whose transaction is still open."""
	frappe.db.after_commit.add(lambda: enqueue(method, **arguments))


def keep_key_for_pickup(subscription: str, key: str):
	"""The customer may be away when a webhook makes the key: keep it sealed for a day, to be shown once."""
	frappe.db.after_commit.add(lambda: _store_key(subscription, key))


def pick_up_key(subscription: str) -> str | None:
	"""The new key in clear, the first time only."""
	sealed = frappe.cache.get_value(_pickup(subscription), expires=True)
	# Of two pages that ask at once, the one that removes it may show it.
	if not sealed or not frappe.cache.delete(frappe.cache.make_key(_pickup(subscription))):
		return None
	return json.loads(decrypt(sealed))


def has_key_to_pick_up(subscription: str) -> bool:
	return bool(frappe.cache.get_value(_pickup(subscription), expires=True))


def _store_key(subscription: str, key: str):
	frappe.cache.set_value(_pickup(subscription), encrypt(json.dumps(key)), expires_in_sec=KEY_PICKUP_SECONDS)


def _pickup(subscription: str) -> str:
	return f"oropendola_new_key:{subscription}"
