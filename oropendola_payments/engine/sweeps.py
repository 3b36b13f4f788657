"""Jobs that were queued before 0.2 use this path. To be removed in 0.3."""

from oropendola_payments.engine.jobs.payment_jobs import (
	check_abandoned_payments,
	check_alerts,
	check_invariants,
	clear_raw_payloads,
	poll_refunds,
	reconcile_attempts,
	run_abandoned,
	run_alerts,
	run_clear_payloads,
	run_inbox,
	run_invariants,
	run_reconcile,
	run_refunds,
)
from oropendola_payments.engine.jobs.payment_jobs import process_inbox as drive_inbox

__all__ = (
	"check_abandoned_payments",
	"check_alerts",
	"check_invariants",
	"clear_raw_payloads",
	"drive_inbox",
	"poll_refunds",
	"reconcile_attempts",
	"run_abandoned",
	"run_alerts",
	"run_clear_payloads",
	"run_inbox",
	"run_invariants",
	"run_reconcile",
	"run_refunds",
)
