"""Jobs that were queued before 0.2 use this path. To be removed in 0.3."""

from oropendola_payments.engine.notifications.hooks import (
	key_rotated,
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
