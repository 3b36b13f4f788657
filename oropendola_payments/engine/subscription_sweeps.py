"""Jobs that were queued before 0.2 use this path. To be removed in 0.3."""

from oropendola_payments.engine.jobs.subscription_jobs import (
	expire_subscriptions,
	reset_quotas,
	run_expiry,
	run_reminders,
	run_reset,
	send_renewal_reminders,
)

__all__ = (
	"expire_subscriptions",
	"reset_quotas",
	"run_expiry",
	"run_reminders",
	"run_reset",
	"send_renewal_reminders",
)
