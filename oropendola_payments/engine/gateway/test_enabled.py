"""The list of gateways that are offered follows each change of their settings at once, whoever reads it meanwhile."""

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.gateway.enabled import enabled_gateways
from oropendola_payments.engine.gateway.registry import SETTINGS
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway
from oropendola_payments.tests.support.parallel import meanwhile


def offered() -> list[str]:
	return [gateway["id"] for gateway in enabled_gateways()]


class TestEnabled(TestCase):
	def setUp(self):
		self.addCleanup(enable_gateway, "cashfree")
		enable_gateway("cashfree")

	def test_a_gateway_that_is_disabled_or_enabled_is_missing_or_there_at_once(self):
		for enabled in (0, 1):
			enable_gateway("cashfree", enabled=enabled)
			self.assertEqual("cashfree" in offered(), bool(enabled))

	def test_who_reads_an_older_snapshot_does_not_keep_a_disabled_gateway_for_others(self):
		forget(SETTINGS)
		frappe.db.commit()
		frappe.get_all(SETTINGS, limit=1)  # the snapshot of this transaction begins here
		meanwhile(lambda: enable_gateway("cashfree", enabled=0))
		frappe.flags.oropendola_seen = None
		offered()
		frappe.db.rollback()
		frappe.flags.oropendola_seen = None
		self.assertNotIn("cashfree", offered())
