"""What happens to a piece of work when another transaction was in the way, and when it fails for itself."""

import frappe

from oropendola_payments.engine.core.transactions import in_transaction, tried, write_through
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan

# As MariaDB with `innodb_snapshot_isolation` raises it through Frappe 15, and PostgreSQL through its driver.
CHANGED = type("OperationalError", (Exception,), {})(1020, "Record has changed since last read")
NOT_SERIALIZED = type("SerializationFailure", (Exception,), {"pgcode": "40001"})("could not serialize access")
IN_THE_WAY = (frappe.QueryDeadlockError(), frappe.QueryTimeoutError(), CHANGED, NOT_SERIALIZED)


class TestConflicts(TestCase):
	def setUp(self):
		self.plan = create_plan().name
		frappe.db.set_value("AI Plan", self.plan, "features", "before")
		frappe.db.commit()
		self.calls = 0

	def write(self, *errors: Exception) -> str:
		"""Write, and raise the first of these errors at the first call, the second at the second, then none."""
		self.calls += 1
		frappe.db.set_value("AI Plan", self.plan, "features", f"call {self.calls}")
		if self.calls <= len(errors):
			raise errors[self.calls - 1]
		return "written"

	def features(self) -> str:
		frappe.db.rollback()
		return frappe.db.get_value("AI Plan", self.plan, "features")

	def test_what_was_in_the_way_is_undone_and_told(self):
		for error in IN_THE_WAY:
			self.calls = 0
			with self.subTest(error=repr(error)):
				self.assertIsNone(tried(self.write, error))
				frappe.db.commit()
				self.assertEqual(self.features(), "before")

	def test_a_transaction_and_a_small_write_are_tried_again(self):
		for how in (in_transaction, write_through):
			for error in IN_THE_WAY:
				self.calls = 0
				with self.subTest(how=how.__name__, error=repr(error)):
					how(self.write, error, error)
					self.assertEqual((self.calls, self.features()), (3, "call 3"))

	def test_an_error_of_its_own_is_raised_at_once(self):
		for how in (in_transaction, write_through, tried):
			for error in (ValueError("a bug"), Conflict("a refusal"), Exception(1021)):
				self.calls = 0
				with self.subTest(how=how.__name__, error=repr(error)), self.assertRaises(type(error)):
					how(self.write, error, error)
				self.assertEqual((self.calls, self.features()), (1, "before"))
