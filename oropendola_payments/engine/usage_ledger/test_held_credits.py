"""Credits in a lease or reservation that nobody closes go back after some hours, once; a report that comes later takes them again."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import name_of
from oropendola_payments.ai_billing.doctype.ai_usage_lease.ai_usage_lease import AIUsageLease
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.jobs import credit_jobs
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.metering.test_lease_credits import ENTRY, LEASE, LeaseCase
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.usage_ledger import closing, events, retention, rollup
from oropendola_payments.exceptions import Conflict, Unprocessable
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.credits import credits_of, give, use_up_the_day
from oropendola_payments.tests.support.parallel import in_parallel


class HeldCase(LeaseCase):
	def time_passes(self, hours: int = 7):
		"""As if all that is open had expired so many hours ago."""
		own, past = {"subscription": self.doc.name}, now_datetime() - timedelta(hours=hours)
		frappe.db.set_value(LEASE, own, {"expires_at": past, "windows_end_at": past})
		frappe.db.set_value(ENTRY, {**own, "kind": "Reserve"}, "expires_at", past)
		frappe.db.commit()

	def sweep(self):
		credit_jobs.run_give_back()

	def held_too_long(self) -> list[str]:
		names = {row for doctype in (LEASE, ENTRY) for row in self.names(doctype)}
		found = invariants.check(("credits_held_too_long",)).get("credits_held_too_long", [])
		return [name for name in found if name in names]

	def names(self, doctype: str) -> list[str]:
		return frappe.get_all(doctype, {"subscription": self.doc.name}, pluck="name")


class TestLapsedLeases(HeldCase):
	def test_a_lease_that_nobody_closes_gives_back_what_was_not_reported(self):
		"""U27."""
		self.settle(self.lease(10), 3, close=False)
		self.time_passes(hours=5)
		self.sweep()
		self.assertEqual(credits_of(self.user), 80)
		self.time_passes()
		for _time in range(2):
			self.sweep()
		row = frappe.get_last_doc(LEASE, {"subscription": self.doc.name})
		self.assertEqual((row.status, row.given_back, row.credits_back), ("Closed", 7, 14_000))
		self.assertEqual((credits_of(self.user), self.booked()), (94, 6000))

	def test_a_late_report_takes_the_credits_again_once(self):
		"""U27."""
		lease = self.lease(10)
		self.time_passes()
		self.sweep()
		for _time in range(2):
			settled = self.settle(lease, 4)
			self.assertEqual((settled["given_back"], settled["credits_given_back"]), (6, 12))
		self.assertEqual((credits_of(self.user), self.booked()), (92, 8000))
		self.refused(Conflict, self.settle, lease, 3)
		self.refused(Unprocessable, self.settle, lease, 11)
		self.assertEqual(credits_of(self.user), 92)

	def test_a_late_report_without_enough_credits_takes_what_is_there_and_is_marked(self):
		lease = self.lease(10)
		self.time_passes()
		self.sweep()
		leases.grant(self.key, 10, 30, "large", "test", None)
		frappe.db.set_value("AI Credit Grant", {"user": self.user}, "valid_until", "2020-01-01")
		frappe.db.commit()
		self.assertEqual(self.settle(lease, 4)["credits_given_back"], 20)
		row = frappe.get_last_doc(ENTRY, {"subscription": self.doc.name, "kind": "Lease"})
		self.assertEqual((row.units, row.overdraft), (8000, 1))
		frappe.db.set_value("AI Credit Grant", {"user": self.user}, "valid_until", None)
		frappe.db.commit()

	def test_the_sweep_and_a_report_at_once_count_once(self):
		"""U27."""
		lease = self.lease(10)
		self.time_passes()
		works = [self.sweep, lambda: self.settle(lease, 4), self.sweep, lambda: self.settle(lease, 4)]
		results = in_parallel(4, lambda number: works[number]())
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual((credits_of(self.user), self.booked()), (92, 8000))

	def test_leases_of_the_plan_are_left_alone(self):
		doc, key = served_customer()
		lease = self.commit(leases.grant(key, 5, 30, None, None, None))
		frappe.db.set_value(LEASE, lease["lease"], "expires_at", now_datetime() - timedelta(hours=30))
		frappe.db.commit()
		self.sweep()
		row = frappe.get_doc(LEASE, lease["lease"])
		self.assertEqual((row.status, row.subscription), ("Open", doc.name))

	def test_log_settings_never_delete_a_lease_that_holds_credits(self):
		"""U27."""
		held, closed = self.lease(10), self.lease(2)
		self.settle(closed, 2)
		self.time_passes(24 * 40)
		AIUsageLease.clear_old_logs(30)
		self.assertEqual(self.names(LEASE), [held["lease"]])
		self.sweep()
		self.assertEqual(credits_of(self.user), 96)
		AIUsageLease.clear_old_logs(30)
		self.assertEqual(self.names(LEASE), [])

	def test_a_lease_that_holds_credits_for_a_day_is_found(self):
		lease = self.lease(10)
		self.time_passes()
		self.assertEqual(self.held_too_long(), [])
		self.time_passes(25)
		self.assertEqual(self.held_too_long(), [lease["lease"]])
		self.sweep()
		self.assertEqual(self.held_too_long(), [])


class TestLapsedReservations(HeldCase):
	plan: dict = {"models": [{"pattern": "large", "per_request": 1, "per_output_tokens": 10}]}

	def reserve(self, event: str = "e-1", tokens: int = 5000) -> dict:
		return self.commit(events.reserve(self.key, event, 1, "large", 0, tokens, 900))

	def lapsed(self, event: str = "e-1"):
		self.reserve(event)
		self.time_passes()
		self.sweep()

	def test_a_reservation_that_nobody_closes_gives_its_credits_back_once(self):
		"""U27."""
		self.reserve()
		self.time_passes(hours=5)
		self.sweep()
		self.assertEqual(credits_of(self.user), 49)
		self.time_passes()
		for _time in range(2):
			self.sweep()
		self.assertEqual((credits_of(self.user), self.booked(), self.booked("requests")), (100, 0, 0))
		self.assertEqual(self.reserve()["state"], "expired")
		self.assertEqual(credits_of(self.user), 100)

	def test_a_late_settle_takes_the_credits_again_once(self):
		"""U27."""
		self.lapsed()
		for _time in range(2):
			settled = closing.settle(self.key, "e-1", 0, 1000)
		self.assertEqual(
			(settled["state"], settled["units"], settled["output_tokens"]), ("settled", 11, 1000)
		)
		figures = (
			credits_of(self.user),
			self.booked(),
			self.booked("requests"),
			self.booked("output_tokens"),
		)
		self.assertEqual(figures, (89, 11_000, 1, 1000))
		self.refused(Conflict, closing.settle, self.key, "e-1", 0, 900)

	def test_a_late_settle_of_an_event_id_that_is_stored_in_another_way_takes_the_credits_again(self):
		"""U27: a tag in it is stored so that the Desk shows no HTML."""
		self.lapsed("<b>1</b>")
		settled = closing.settle(self.key, "<b>1</b>", 0, 1000)
		self.assertEqual((settled["state"], settled["units"]), ("settled", 11))
		self.assertEqual((credits_of(self.user), self.booked()), (89, 11_000))

	def test_what_lapsed_under_the_name_that_was_used_before_is_known(self):
		self.lapsed()
		row = frappe.get_last_doc(ENTRY, {"subscription": self.doc.name, "kind": "Lapse"})
		opening = frappe.db.get_value(ENTRY, {"subscription": self.doc.name, "kind": "Reserve"})
		frappe.db.set_value(ENTRY, row.name, "name", name_of(self.doc.name, "e-1", f"lapsed:{opening}"))
		frappe.db.commit()
		closing.settle(self.key, "e-1", 0, 1000)
		self.assertEqual((credits_of(self.user), self.booked()), (89, 11_000))

	def test_a_late_settle_whose_model_left_the_plan_costs_what_was_reserved(self):
		self.lapsed()
		plan = frappe.get_doc("AI Plan", self.doc.plan)
		plan.models[0].pattern = "another"
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual(closing.settle(self.key, "e-1", 0, 1000)["units"], 51)
		self.assertEqual(credits_of(self.user), 49)

	def test_a_late_release_changes_nothing(self):
		self.lapsed()
		self.assertEqual(closing.release(self.key, "e-1")["state"], "released")
		self.assertEqual((credits_of(self.user), self.booked()), (100, 0))

	def test_what_was_settled_or_released_does_not_lapse(self):
		self.reserve("e-1", 1000)
		self.reserve("e-2", 1000)
		closing.settle(self.key, "e-1", 0, 1000)
		closing.release(self.key, "e-2")
		self.time_passes()
		self.sweep()
		self.assertEqual((credits_of(self.user), len(self.names(ENTRY))), (89, 4))

	def test_the_sweep_and_a_settle_at_once_count_once(self):
		"""U27."""
		self.reserve()
		self.time_passes()
		works = [self.sweep, lambda: closing.settle(self.key, "e-1", 0, 1000), self.sweep]
		results = in_parallel(3, lambda number: works[number]())
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual((credits_of(self.user), self.booked()), (89, 11_000))

	def test_a_crash_at_any_point_of_the_sweep_gives_back_once(self):
		"""U27."""
		self.lapsed()  # fills the caches
		give(self.user, 50)
		self.reserve("e-2")
		lease = self.lease(1)
		self.time_passes()
		before = credits_of(self.user)
		points = count_crash_points(self.sweep)
		self.assertGreaterEqual(points, 10)
		for point in range(1, points + 1):
			self.reserve(f"c-{point}")
			self.lease(1)
			self.time_passes()
			with crashing(at=point):
				self.sweep()
			self.sweep()
			with self.subTest(point=point):
				self.assertEqual((credits_of(self.user), self.booked()), (150, 0))
		self.assertLess(before, 150, lease)

	def test_the_row_of_a_reservation_that_holds_credits_is_never_deleted(self):
		"""U27."""
		frappe.db.set_single_value("Payment Settings", "usage_retention_days", 8)
		forget("Payment Settings")
		frappe.db.commit()
		self.addCleanup(forget, "Payment Settings")
		self.addCleanup(frappe.db.set_single_value, "Payment Settings", "usage_retention_days", 90)
		self.reserve()
		rollup.roll_up()
		past = today() - timedelta(days=20)
		for doctype in (ENTRY, "AI Usage Day"):
			frappe.db.set_value(doctype, {"subscription": self.doc.name}, "day", past, update_modified=False)
		frappe.db.commit()
		retention.clear_old_entries()
		self.assertEqual(len(self.names(ENTRY)), 1)
		self.time_passes()
		self.sweep()
		rollup.roll_up()
		retention.clear_old_entries()
		self.assertEqual((credits_of(self.user), self.names(ENTRY)), (100, []))

	def test_reservations_of_a_deleted_customer_lapse_too(self):
		for event in ("e-1", "e-2"):
			self.reserve(event, 1000)
		frappe.db.set_value(ENTRY, {"subscription": self.doc.name}, "event_id", REDACTED)
		self.time_passes(25)
		self.assertEqual(len(self.held_too_long()), 2)
		self.sweep()
		self.assertEqual((credits_of(self.user), self.held_too_long(), self.booked()), (100, [], 0))

	def test_reservations_of_the_plan_keep_counting(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 10)
		frappe.db.commit()
		self.reserve()
		use_up_the_day(self.doc)
		self.time_passes(30)
		self.sweep()
		self.assertEqual((credits_of(self.user), self.booked("requests")), (100, 1))
