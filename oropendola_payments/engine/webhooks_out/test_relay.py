"""The outbox: what is stored, when, and who gets it."""

from contextlib import contextmanager
from functools import partial

import frappe
from frappe.utils import CallbackManager

from oropendola_payments.ai_billing import outbox, webhook_types
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.webhooks_out import endpoints
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import as_user, create_invoice, create_plan, create_user
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.receiver import WebhookTestCase


class Lost(CallbackManager):
	__slots__ = ()

	def run(self):
		self.reset()


@contextmanager
def crashing_after_commit():
	"""The process dies after the next commit, before anything that waits for it."""
	kept, frappe.db.after_commit = frappe.db.after_commit, Lost()
	try:
		yield
	finally:
		frappe.db.after_commit = kept


class OutboxCase(WebhookTestCase):
	def events(self, user: str | None = None) -> list:
		filters = {"user": user or self.user}
		names = frappe.get_all("AI Webhook Event", filters, pluck="name", order_by="name")
		return [frappe.get_doc("AI Webhook Event", name) for name in names]

	def received(self) -> list[dict]:
		return [frappe.parse_json(one.body.decode()) for one in self.receiver.received]


class TestOutbox(OutboxCase):
	def test_nothing_is_stored_while_nobody_listens(self):
		with counted_statements() as seen:
			self.announce()
		self.assertEqual([text for text in seen if "INSERT" in text.upper()], [])
		self.assertEqual(self.events(), [])

	def test_events_after_a_commit_that_failed_are_told(self):
		self.endpoint()
		tries = []

		def fail():
			raise frappe.QueryDeadlockError

		def work():
			tries.append(1)
			if len(tries) == 1:
				frappe.db.before_commit.add(fail)
			outbox.announce("invoice.paid", self.user, number=len(tries))

		in_transaction(work)
		self.assertEqual([frappe.parse_json(row.data)["number"] for row in self.events()], [2])

	def test_a_fact_that_is_rolled_back_is_not_told(self):
		"""W13."""
		self.endpoint()
		outbox.announce("invoice.paid", self.user, invoice_id="INV-1")
		frappe.db.rollback()
		frappe.db.commit()
		self.announce("invoice.created")
		self.assertEqual([event.type for event in self.events()], ["invoice.created"])

	def test_all_facts_of_a_transaction_cost_one_statement(self):
		self.endpoint()
		self.announce()  # fills the cache
		for number in range(5):
			outbox.announce("invoice.paid", self.user, number=number)
		with counted_statements() as seen:
			frappe.db.commit()
		self.assertEqual(
			len([text for text in seen if not text.lower().startswith(("commit", "start"))]), 1, seen
		)

	def test_an_endpoint_that_was_just_registered_misses_nothing(self):
		"""W13: the cache that said nobody listens has a new version."""
		self.announce()
		endpoint = self.endpoint()
		in_parallel(1, lambda _number: self.announce())
		self.assertEqual(len(self.events()), 1)
		endpoints.disable(endpoint["endpoint"])
		self.announce()
		self.assertEqual(len(self.events()), 1)
		endpoints.enable(endpoint["endpoint"])
		self.announce()
		self.assertEqual([event.type for event in self.events()].count("invoice.paid"), 2)

	def test_a_crash_right_after_the_commit_of_an_endpoint_hides_it_from_nobody(self):
		"""W13: the cache gets its new version before the commit too."""
		self.announce()  # so that the cache says that nobody listens

		def register(_number: int):
			with crashing_after_commit():
				self.endpoint(quiet=False)

		in_parallel(1, register)
		self.made = frappe.get_all("AI Webhook Endpoint", {"user": self.user}, pluck="name")
		self.assertEqual(len(self.made), 1)
		frappe.flags.oropendola_seen = None  # as a new request begins
		self.announce("invoice.created")
		self.assertIn("invoice.created", [event.type for event in self.events()])

	def test_an_old_snapshot_cannot_hide_a_new_endpoint(self):
		"""W13."""
		frappe.db.commit()
		frappe.db.get_value("AI Webhook Endpoint", {"user": self.user}, "name")  # the snapshot starts here
		in_parallel(1, lambda _number: self.endpoint())
		self.made += frappe.get_all("AI Webhook Endpoint", {"user": self.user}, pluck="name")
		outbox.announce("invoice.paid", self.user, invoice_id="INV-1")
		frappe.db.commit()
		self.assertIn("invoice.paid", [event.type for event in self.events()])

	def test_names_sort_by_time_and_contain_no_dot(self):
		names = [outbox.new_name() for _number in range(200)]
		self.assertEqual(len(set(names)), 200)
		self.assertEqual([name[:18] for name in names], sorted(name[:18] for name in names))
		self.assertFalse([name for name in names if "." in name])


class TestFacts(OutboxCase):
	def test_a_payment_is_told_step_by_step_and_ends_with_the_whole_state(self):
		endpoint = self.endpoint(events=())
		invoice = create_invoice(self.user)
		pay(invoice.name)
		self.send(endpoint)
		types = self.receiver.types()
		for kind in ("invoice.created", "payment.succeeded", "invoice.paid", "subscription.activated"):
			self.assertEqual(types.count(kind), 1, types)
		self.assertEqual((types.count("customer.state_changed"), types[-1]), (1, "customer.state_changed"))
		paid = next(one["data"] for one in self.received() if one["type"] == "payment.succeeded")
		self.assertEqual((paid["amount"], paid["currency"], paid["invoice_id"]), ("499", "INR", invoice.name))
		state = self.received()[-1]["data"]
		self.assertEqual(state["subscriptions"][0]["status"], "Active")
		self.assertGreater(state["version"], 0)

	def test_the_state_has_a_version_that_grows(self):
		endpoint = self.endpoint(events=["customer.state_changed"])
		for _time in range(2):
			self.announce()
			self.send(endpoint)
		versions = [one["data"]["version"] for one in self.received()]
		self.assertEqual(len(versions), 2)
		self.assertLess(versions[0], versions[1])

	def test_a_subscription_tells_of_its_states(self):
		endpoint = self.endpoint(
			events=[name for name in webhook_types.TYPES if name.startswith("subscription.")]
		)
		with as_user(self.user):
			api.create_subscription_and_invoice(plan_id=create_plan(trial_days=7).name)
		name = frappe.db.get_value("AI Subscription", {"user": self.user}, "name")
		for move in ("mark_past_due", "expire", "cancel"):
			getattr(frappe.get_doc("AI Subscription", name), move)()
			frappe.db.commit()
		self.send(endpoint)
		self.assertEqual(
			self.receiver.types(),
			[f"subscription.{state}" for state in ("trial_started", "past_due", "expired", "cancelled")],
		)
		self.assertEqual(self.received()[1]["data"]["previous_status"], "Trial")

	def test_a_body_is_thin_and_has_no_secret_and_no_personal_data(self):
		"""W9."""
		endpoint = self.endpoint(events=())
		invoice = create_invoice(self.user)
		pay(invoice.name)
		with as_user(self.user):
			key = api.reveal_api_key()["api_key"]
		self.announce("api_key.replaced", key_id="x")
		self.send(endpoint)
		for one in self.receiver.received:
			text = one.body.decode()
			self.assertLess(len(text), 20_000)
			for secret in (key, self.user, endpoint["secret"], "Asha"):
				self.assertNotIn(secret, text)

	def test_a_used_up_limit_is_told_with_its_figures(self):
		endpoint = self.endpoint(events=["usage.threshold_reached"])
		alert = frappe.get_doc({"doctype": "AI Usage Alert", "name": "made-up", "user": self.user})
		payment_event.append_to_site("usage_threshold_reached", alert, limit="Requests per day", percent=80)
		frappe.db.commit()
		self.send(endpoint)
		self.assertEqual(self.received()[0]["data"], {"limit": "Requests per day", "percent": 80})

	def test_every_type_that_is_made_is_public(self):
		made = {*webhook_types.AUDITED.values(), *webhook_types.SUBSCRIPTION.values()}
		self.assertLessEqual(made, set(webhook_types.TYPES))
		for name in webhook_types.TYPES:
			self.assertRegex(name, r"^[a-z_]+\.[a-z_]+$")


class TestReceivers(OutboxCase):
	def test_a_customer_gets_only_own_events(self):
		"""W14."""
		endpoint, other = self.endpoint(), create_user()
		self.endpoint(user=None)  # without it nothing would be stored
		self.announce(user=other)
		self.assertEqual(self.send(endpoint), 0)
		self.assertEqual(len(self.events(other)), 1)

	def test_managers_get_all_events_and_learn_whose_they_are(self):
		endpoint, other = self.endpoint(user=None), create_user()
		self.announce(user=other)
		self.announce()
		self.send(endpoint)
		self.assertEqual([one["data"]["customer"] for one in self.received()], [other, self.user])

	def test_a_customer_never_gets_events_for_staff(self):
		"""W14."""
		endpoint = self.endpoint(events=())
		self.announce("invoice.review_needed")
		self.send(endpoint)
		self.assertNotIn("invoice.review_needed", self.receiver.types())

	def test_an_endpoint_gets_what_it_chose(self):
		endpoint = self.endpoint(events=["refund.succeeded", "invoice.paid"])
		for kind in ("invoice.created", "invoice.paid", "refund.succeeded"):
			self.announce(kind)
		self.send(endpoint)
		self.assertEqual(self.receiver.types(), ["invoice.paid", "refund.succeeded"])


class TestCrashes(OutboxCase):
	def test_a_crash_at_any_point_loses_no_event_and_tells_no_lie(self):
		"""W13: the fact and its event are stored together, and the sweep sends what a dead process left."""
		endpoint = self.endpoint(events=["invoice.cancelled"])

		def new_invoice() -> str:
			name = create_invoice(self.user).name
			frappe.db.delete("AI Webhook Event", {"user": self.user, "status": "Waiting"})
			frappe.db.commit()
			return name

		def act(name: str):
			in_transaction(lambda: frappe.get_doc("AI Invoice", name).mark_as_cancelled())
			self.send(endpoint)

		points = count_crash_points(partial(act, new_invoice()))
		self.assertGreater(points, 15)
		for at in range(1, points + 1):
			name, before = new_invoice(), len(self.receiver.received)
			with crashing(at):
				act(name)
			self.make_due(endpoint, claim=None, claimed_until=None)
			self.send(endpoint)
			is_cancelled = frappe.db.get_value("AI Invoice", name, "status") == "Cancelled"
			told = self.received()[before:]
			self.assertEqual(bool(told), is_cancelled, at)
			self.assertEqual({one["data"]["invoice_id"] for one in told}, {name} if is_cancelled else set())
			self.assertLessEqual(
				len({one.headers["webhook-id"] for one in self.receiver.received[before:]}), 1
			)
		self.assertEqual({row.status for row in self.deliveries(endpoint)}, {"Delivered"})
