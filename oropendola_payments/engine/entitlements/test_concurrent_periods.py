"""A payment sees the periods and the plan that another payment of the same subscription has just changed."""

from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime

from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.entitlements import covered_days, fulfilment
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.entitlements.subscription_lock import require_fresh
from oropendola_payments.exceptions import ConcurrentChange
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.parallel import as_retried, meanwhile
from oropendola_payments.tests.support.plan_changes import PlanChangeCase


class TestConcurrentPeriods(PlanChangeCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(frappe.db.rollback)
		self.start("S")

	def test_an_upgrade_sees_the_renewal_that_was_paid_meanwhile(self):
		"""U35: the quote knew of one period, and now there are two. Without the repair it fails in MariaDB before 11.6 only."""
		renewed = self.succeed(renewal.renew_subscription)["invoice_id"]
		made = self.change("P")
		frappe.db.commit()
		self.assertEqual(
			len(paid_periods(self.subscription)), 1
		)  # the snapshot of this transaction begins here
		meanwhile(lambda: pay(renewed))

		def settle() -> bool:
			invoice = lock("AI Invoice", made["invoice_id"])
			invoice.mark_as_paid(amount_paid=invoice.total())
			return fulfilment.fulfil(invoice)

		self.assertFalse(as_retried(settle))
		self.assertEqual((self.code(), len(self.periods())), ("S", 2))

	def test_what_was_read_before_another_change_of_the_subscription_is_read_again(self):
		subscription = lock("AI Subscription", self.subscription)
		require_fresh(subscription)
		subscription.modified = get_datetime(subscription.modified) + timedelta(microseconds=1)
		with self.assertRaises(ConcurrentChange):
			require_fresh(subscription)

	def test_an_upgrade_its_refund_and_a_part_are_tried_again_then(self):
		"""U35."""
		invoice = frappe.get_doc("AI Invoice", self.upgrade("P")["invoice_id"])
		stale = self.doc()
		stale.modified = get_datetime(stale.modified) - timedelta(seconds=1)
		with patch.object(fulfilment, "lock", return_value=stale), self.assertRaises(ConcurrentChange):
			fulfilment.revoke_period(invoice)
		invoice.fulfilled_on = None
		for room, work in ((fulfilment, fulfilment.fulfil), (covered_days, covered_days.cover)):
			late = patch.object(room, "lock_with_endless", return_value=(stale, False))
			with late, self.assertRaises(ConcurrentChange):
				work(invoice)

	def test_what_this_transaction_has_written_itself_is_no_other_change(self):
		subscription = lock("AI Subscription", self.subscription)
		subscription.withdraw_cancellation()
		subscription.write(cancel_note="A test")
		require_fresh(lock("AI Subscription", self.subscription))
