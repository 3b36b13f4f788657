"""Invariants of webhooks to others, as in `invariants`."""

from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.webhooks_out import endpoints

WEBHOOK_RULES = {
	"webhook_event_stuck": """
		SELECT name FROM `tabAI Webhook Event` WHERE status = 'Waiting' AND creation < %(hour_ago)s""",
	# An endpoint for all events of all customers has a delivery of every event since it was enabled.
	"webhook_event_without_delivery": """
		SELECT v.name FROM `tabAI Webhook Event` v JOIN `tabAI Webhook Endpoint` e ON e.enabled_on < v.creation
		WHERE e.status = 'Active' AND COALESCE(e.user, '') = '' AND COALESCE(e.events, '') = ''
			AND v.status = 'Distributed' AND v.endpoint IS NULL AND v.type <> 'customer.state_changed'
			AND v.creation > %(day_ago)s AND NOT EXISTS (
				SELECT 1 FROM `tabAI Webhook Delivery` d WHERE d.event = v.name AND d.endpoint = e.name)""",
	# What waits on purpose is not late: customers' endpoints that are switched off, and all endpoints on a copy of the site.
	"webhook_delivery_stuck": """
		SELECT d.name FROM `tabAI Webhook Delivery` d JOIN `tabAI Webhook Endpoint` e ON e.name = d.endpoint
		WHERE d.status = 'Waiting' AND (d.next_attempt_at IS NULL
			OR (e.failing_since IS NULL AND e.status = 'Active' AND d.next_attempt_at < %(day_ago)s
				AND (e.site = %(site)s OR %(is_confirmed)s = 1)
				AND (COALESCE(e.user, '') = '' OR %(customers_may)s = 1)))""",
	"webhook_delivery_to_disabled_endpoint": """
		SELECT d.name FROM `tabAI Webhook Delivery` d LEFT JOIN `tabAI Webhook Endpoint` e ON e.name = d.endpoint
		WHERE d.status = 'Waiting' AND (e.name IS NULL OR e.status <> 'Active')""",
}


def values() -> dict:
	"""Return where webhooks are sent, which the queries compare with."""
	return {
		"site": live_guard.this_site(),
		"is_confirmed": int(live_guard.is_confirmed()),
		"customers_may": int(endpoints.customers_may()),
	}
