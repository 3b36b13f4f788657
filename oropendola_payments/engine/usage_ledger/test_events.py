"""An event is counted once, whatever is repeated, and its row in the ledger says what was counted."""

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.metering.test_quota import QuotaCase, limit
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.engine.usage_ledger import closing, events
from oropendola_payments.exceptions import BadRequest, Conflict, NotAllowed, QuotaUsedUp
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.parallel import in_parallel

ENTRY, DAY = "AI Usage Entry", "AI Usage Day"
AMOUNTS = ("kind", "requests", "input_tokens", "output_tokens", "units", "model")


class LedgerCase(QuotaCase):
	plan = {
		"limits": [
			limit(50, "Requests", "Hour"),
			limit(10_000, "Tokens", "Day"),
			limit(100, "Units", "Month"),
		],
		"models": [
			{"pattern": "small*", "per_request": 0, "per_input_tokens": 1, "per_output_tokens": 2},
			{"pattern": "large", "per_request": 1},
		],
	}

	def setUp(self):
		for doctype in (ENTRY, DAY):
			frappe.db.delete(doctype, {"subscription": self.doc.name})
		super().setUp()

	def use(self, event_id: str, requests: int = 1, tokens: tuple[int, int] = (0, 0), model: str = "large"):
		answer = events.consume(self.key, requests, model, *tokens, event_id)
		frappe.db.commit()
		return answer

	def reserve(self, event_id: str, requests: int = 1, tokens: tuple[int, int] = (0, 0), **options):
		options = {"model": "small-1", "seconds": 60, **options}
		answer = events.reserve(self.key, event_id, requests, options["model"], *tokens, options["seconds"])
		frappe.db.commit()
		return answer

	def settle(self, event_id: str, *amounts):
		return closing.settle(self.key, event_id, *amounts)

	def release(self, event_id: str):
		return closing.release(self.key, event_id)

	def fails(self, error: type[Exception], work, *arguments, **options) -> Exception:
		with self.assertRaises(error) as raised:
			work(*arguments, **options)
		frappe.db.rollback()
		return raised.exception

	def rows(self) -> list[tuple]:
		rows = frappe.get_all(ENTRY, {"subscription": self.doc.name}, [*AMOUNTS], order_by="creation, name")
		return [tuple(row[field] for field in AMOUNTS) for row in rows]

	def books(self) -> dict:
		"""What the ledger says was used, to compare with the counters."""
		rows = [dict(zip(AMOUNTS, row, strict=True)) for row in self.rows()]
		total = {field: sum(row[field] for row in rows) for field in AMOUNTS[1:5]}
		tokens = total["input_tokens"] + total["output_tokens"]
		return {"Requests": total["requests"], "Tokens": tokens, "Units": total["units"]}

	def assert_books_agree(self):
		"""The day, the windows and the ledger say the same."""
		counted = {"Requests": 0, "Tokens": 0, "Units": 0, **self.used()}
		self.assertEqual(counted, self.books())
		self.assertEqual(100 - remaining(self.doc), counted["Requests"])


class TestConsuming(LedgerCase):
	def test_an_event_is_counted_and_booked(self):
		answer = self.use("e-1", 2, (100, 50), "openai/small-1")
		self.assertEqual((answer["allowed"], answer["event_id"], answer["state"]), (True, "e-1", "used"))
		self.assertEqual((answer["remaining"], answer["units"]), (98, 0.2))
		self.assertEqual(self.rows(), [("Use", 2, 100, 50, 200, "small-1")])
		row = frappe.get_last_doc(ENTRY, {"subscription": self.doc.name})
		self.assertEqual((row.source, row.day, row.plan), ("Plan", today(), self.doc.plan))
		self.assertEqual(row.api_key, frappe.db.get_value("AI Subscription", self.doc.name, "api_key_link"))
		self.assert_books_agree()

	def test_the_same_event_again_is_counted_once_and_answered_the_same(self):
		"""U1"""
		first = self.use("e-1", 2)
		self.assertEqual(self.use("e-1", 2), first)
		self.assertEqual(len(self.rows()), 1)
		self.assert_books_agree()

	def test_a_repeated_event_says_what_is_left_now(self):
		self.use("e-1", 2)
		self.use("e-2", 5)
		self.assertEqual(self.use("e-1", 2)["remaining"], 93)

	def test_a_repeated_event_is_answered_although_the_quota_is_used_up(self):
		"""U1"""
		self.use("e-1", 2)
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 0)
		frappe.db.commit()
		self.assertTrue(self.use("e-1", 2)["allowed"])
		self.fails(QuotaUsedUp, self.use, "e-2", 2)
		self.assertEqual(len(self.rows()), 1)

	def test_the_same_event_with_other_figures_is_a_conflict(self):
		"""U2"""
		self.use("e-1", 2, (10, 0))
		for changed in (
			{"requests": 3, "tokens": (10, 0)},
			{"requests": 2, "tokens": (11, 0)},
			{"requests": 2, "tokens": (10, 1)},
			{"requests": 2, "tokens": (10, 0), "model": "small-1"},
		):
			error = self.fails(Conflict, self.use, "e-1", **changed)
			self.assertIn("2 requests, 10 input tokens", str(error))
			self.assertEqual(error.reason, "event_differs")
		self.fails(Conflict, self.reserve, "e-1", 2, (10, 0), model="large")
		self.assert_books_agree()

	def test_ids_that_differ_in_case_or_accents_are_different_events(self):
		for event_id in ("Straße", "straße", "strasse", "STRASSE", "strasse "):
			self.use(event_id)
		self.assertEqual(len(self.rows()), 5)

	def test_two_subscriptions_can_use_the_same_id(self):
		doc, key = served_customer()
		self.use("e-1")
		events.consume(key, 3, event_id="e-1")
		frappe.db.commit()
		self.assertEqual(remaining(doc), 97)

	def test_an_id_is_short_and_readable(self):
		for event_id in ("", " ", "a\nb", "x" * 101):
			self.fails(BadRequest, self.use, event_id)
		self.use("x" * 100)

	def test_parallel_calls_with_one_id_are_counted_once(self):
		"""U1"""
		results = in_parallel(8, lambda _number: self.use("e-1", 3))
		self.assertEqual([r for r in results if not isinstance(r, dict)], [])
		self.assertEqual(len(self.rows()), 1)
		self.assert_books_agree()

	def test_a_refused_event_leaves_no_row(self):
		for requests, tokens in ((51, (0, 0)), (1, (10_001, 0))):
			self.fails(QuotaUsedUp, self.use, "e-1", requests, tokens)
		self.assertEqual((self.rows(), self.used()), ([], {}))
		self.use("e-1", 1)

	def test_without_an_event_id_nothing_is_booked(self):
		self.consume(1, model="large")
		self.assertEqual(self.rows(), [])

	def test_nobody_writes_changes_or_deletes_a_row_by_hand(self):
		"""U3"""
		self.use("e-1")
		row = frappe.get_last_doc(ENTRY, {"subscription": self.doc.name})
		row.requests = 0
		copy = frappe.get_doc({**row.as_dict(), "name": None})
		for work in (row.save, row.delete, copy.insert):
			self.fails(NotAllowed, work)
		self.assertEqual(len(self.rows()), 1)


class TestUnlimited(LedgerCase):
	plan = {"requests_limit_per_day": 0}

	@classmethod
	def setUpClass(cls):
		super(QuotaCase, cls).setUpClass()
		cls.doc, cls.key = served_customer(**cls.plan)

	def setUp(self):
		frappe.db.delete(ENTRY, {"subscription": self.doc.name})
		frappe.db.commit()

	def test_an_unlimited_plan_books_its_use_too(self):
		for event_id in ("e-1", "e-1", "e-2"):
			self.assertEqual(self.use(event_id, 5)["remaining"], -1)
		self.assertEqual(self.books()["Requests"], 10)

	def test_a_reservation_is_settled_without_limits_too(self):
		self.reserve("e-1", 5, (100, 100), model="any")
		self.settle("e-1", 10, 20, 4)
		self.assertEqual(self.books(), {"Requests": 4, "Tokens": 30, "Units": 4000})
		self.assertEqual(remaining(self.doc), -1)


class TestOverHttp(LedgerCase):
	def post(self, endpoint: str, **data):
		return call(f"usage.{endpoint}", headers={"X-API-Key": self.key}, json=data)

	def test_an_event_is_consumed_once(self):
		event_id = unique("event")
		for _time in range(2):
			answer = self.post("consume", requests=2, model="large", event_id=event_id)
			self.assertEqual((answer.status_code, message(answer)["state"]), (200, "used"))
			self.assertIn("RateLimit", answer.headers)
		self.assertEqual(remaining(self.doc), 98)
		answer = self.post("consume", requests=3, model="large", event_id=event_id)
		self.assertEqual((answer.status_code, message(answer)["reason"]), (409, "event_differs"))

	def test_a_call_is_reserved_and_settled(self):
		event_id = unique("event")
		reserved = message(self.post("reserve", event_id=event_id, model="small-1", input_tokens=500))
		self.assertEqual(
			(reserved["state"], reserved["expires_in"], reserved["units"]), ("reserved", 900, 0.5)
		)
		settled = message(self.post("settle_reservation", event_id=event_id, input_tokens=200))
		self.assertEqual((settled["state"], settled["units"], settled["requests"]), ("settled", 0.2, 1))
		self.assertEqual(self.post("release_reservation", event_id=event_id).status_code, 409)
		self.assert_books_agree()

	def test_absurd_figures_are_refused(self):
		"""U4"""
		for endpoint, figures in (
			("consume", {"requests": 0}),
			("consume", {"requests": -1}),
			("reserve", {"requests": 10**11}),
			("reserve", {"input_tokens": -5}),
			("reserve", {"output_tokens": 10**11}),
			("reserve", {"seconds": 0}),
			("reserve", {"seconds": 86_401}),
			("settle_reservation", {"input_tokens": -5}),
			("settle_reservation", {"output_tokens": 10**11}),
		):
			answer = self.post(endpoint, event_id="e-1", model="large", **figures)
			self.assertEqual(answer.status_code, 400, (endpoint, figures, answer.text))
		self.assertEqual(self.rows(), [])

	def test_consuming_an_event_takes_at_most_four_statements(self):
		self.post("consume", model="large", event_id=unique("event"))
		with counted_statements() as ping:
			call("usage.consume", method="GET")
		with counted_statements() as seen:
			self.post("consume", model="large", event_id=unique("event"))
		mine = [one for one in seen if one not in ping and not one.lower().startswith("commit")]
		self.assertLessEqual(len(mine), 4, mine)
