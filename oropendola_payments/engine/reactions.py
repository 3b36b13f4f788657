"""Jobs that were queued before 0.2 use this path. To be removed in 0.3."""

import frappe

from oropendola_payments.engine.notifications.hooks import (
	key_changed,
	payment_failed,
	payment_succeeded,
	payments_failed,
	refund_finished,
	renewal_due,
)

__all__ = (
	"key_rotated",
	"payment_failed",
	"payment_succeeded",
	"payments_failed",
	"refund_finished",
	"renewal_due",
)


def key_rotated(subscription: str) -> None:
	key = frappe.db.get_value("AI Subscription", subscription, "api_key_link")
	if key:
		key_changed(subscription, "replaced", key)
