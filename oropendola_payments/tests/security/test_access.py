"""Who may do what: every endpoint for every kind of user, and every record by REST."""

from decimal import Decimal

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.plan_changes import confirm, preview
from oropendola_payments.engine.refunds import create
from oropendola_payments.tests.support import endpoints as table
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import credit_records
from oropendola_payments.tests.support.endpoints import ACTORS, GET, ROWS, OwnerRecords, People, whitelisted
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.parts import create_instalment_plan
from oropendola_payments.tests.support.payouts import unknown_payout
from oropendola_payments.tests.support.tax_documents import issued_document

# Reading by GET changes nothing; everything else is POST.
READS = {
	"billing.get_profile",
	"admin.explain_gateways",
	"callbacks.returned",
	"cashfree.get_cashfree_order_status",
	"desk.abandoned_rate",
	"subscription.list_api_keys",
	"desk.chart",
	"desk.overdue_parts",
	"desk.pending_too_long",
	"desk.recovered_this_month",
	"desk.revenue_this_month",
	"desk.success_rate",
	*("credits.get_balance", "credits.get_entries", "credits.list_packs", "credits.quote"),
	"documents.download",
	"documents.export",
	"documents.get_my_documents",
	"health.metrics",
	"health.status",
	"links.list",
	"openapi.document",
	"openapi.postman_collection",
	"mcp.serve",
	"payment.get_available_gateways",
	"payment.get_parts",
	"payment.get_payment_status",
	"payment.get_pending_invoices",
	"receipts.download",
	"receipts.payment_request",
	"subscription.customer_state",
	"subscription.download_usage",
	"subscription.get_usage",
	"subscription.get_my_subscription",
	"subscription.get_my_subscriptions",
	"subscription.get_plans",
	"subscription.preview_cancellation",
	"subscription.preview_plan_change",
	"usage.authorize",  # counts for whoever has a key, as proxies ask
	"usage.check",
	"usage.get_event",
	"usage.get_usage",
	*("webhook_endpoints.get_delivery", "webhook_endpoints.list_deliveries"),
	*("webhook_endpoints.list_endpoints", "webhook_endpoints.list_event_types"),
}
OPEN_TO_GUESTS = {
	"callbacks.payu_failure",
	"callbacks.payu_success",
	"callbacks.returned",
	"credits.list_packs",
	"health.metrics",
	"health.status",
	"links.resend",
	"openapi.document",
	"openapi.postman_collection",
	"mcp.serve",  # and asks for a log-in itself
	"payment.get_available_gateways",
	"reminders.stop_my_reminders",
	"subscription.get_plans",
	"usage.authorize",
	"usage.check",
	"usage.consume",
	"usage.get_event",
	"usage.get_usage",
	"usage.lease",
	"usage.release_reservation",
	"usage.reserve",
	"usage.settle",
	"usage.settle_reservation",
	"webhooks.receive",
}
CUSTOMERS_READ = (
	"AI Invoice", "AI Subscription", "AI API Key", "Payment Attempt", "AI Billing Profile", "AI Payment Link", "AI Plan Change",
	"AI Tax Document", "AI Webhook Endpoint", "AI Webhook Event", "AI Webhook Delivery", "AI Credit Grant", "AI Credit Entry",
)  # fmt: skip
STAFF_ONLY = (
	"AI Plan", "AI Credit Pack", "AI Instalment Plan", "Payment Capture", "Payment Refund", "Payment Event", "Payment Webhook Log", "Payment Alert", "Payment Posting",
	"Payment Payout", "Payment Payout Line", "Payment Payout Difference", "Payment Payout Mapping", "Payment Counter", "AI Payment Reminder", "AI Reminder Opt Out", "AI Usage Window", "AI Usage Lease", "AI Usage Entry", "AI Usage Day", "AI Usage Alert", "Payment Day", "AI Report Result", "AI Coupon", "AI Coupon Redemption", "AI Trial Claim", "AI Agent Proposal", "AI Tax Registration", "AI Tax Rule", "AI Tax Document Series", "AI Exchange Rate", "Payment Gateway Settings", "Payment Settings",
)  # fmt: skip
# Records that not even a manager creates, changes or deletes.
EVIDENCE = (
	"AI API Key", "AI Agent Proposal", "AI Plan Change", "Payment Attempt", "Payment Capture", "Payment Refund", "Payment Event",
	"Payment Webhook Log", "Payment Posting", "Payment Payout", "Payment Payout Line", "Payment Payout Difference",
	"Payment Alert", "Payment Counter", "Payment Day", "AI Report Result", "AI Payment Reminder", "AI Reminder Opt Out", "AI Payment Link", "AI Usage Window",
	"AI Usage Lease", "AI Usage Entry", "AI Usage Day", "AI Usage Alert", "AI Tax Document", "AI Tax Document Series",
	"AI Webhook Endpoint", "AI Webhook Event", "AI Webhook Delivery", "AI Credit Grant", "AI Credit Entry",
)  # fmt: skip
INSIDE = (
	*("payment_gateway_response", "last_event_hash", "request_data", "response_data"),
	*("checkout_data", "key_hash", "token_hash"),
)


class TestEveryEndpoint(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.people = People()
		cls.addClassCleanup(table.delete_webhook_endpoints)
		restored = payment_settings(confirmed_site=None)
		restored.__enter__()
		cls.addClassCleanup(restored.__exit__, None, None, None)

	def test_the_access_table_covers_every_endpoint(self):
		"""S12: no function is exposed by accident."""
		self.assertEqual({row.endpoint for row in ROWS}, set(whitelisted()))

	def test_guests_reach_only_what_is_meant_for_them(self):
		open_to_guests = {
			name
			for name, function in whitelisted().items()
			if getattr(function, "is_open_to_guests", function in list(frappe.guest_methods))
		}
		self.assertEqual(open_to_guests, OPEN_TO_GUESTS)

	def test_each_endpoint_answers_each_kind_of_user_as_the_table_says(self):
		for row in ROWS:
			arguments = row.arguments(OwnerRecords(self.people))
			for actor in sorted(ACTORS, key=lambda actor: row.status_for(actor) == 200):
				with self.subTest(endpoint=row.endpoint, actor=actor):
					self.check(row, actor, arguments)

	def check(self, row, actor: str, arguments: dict):
		method = row.methods[-1]
		options = (
			{"query_string": arguments or row.query}
			if method == "GET"
			else {"json": arguments, "query_string": row.query}
		)
		answer = call(row.endpoint, getattr(self.people, actor), method=method, **options)
		self.assertEqual(answer.status_code, row.status_for(actor), answer.get_data()[:500])
		envelope = message(answer)
		if "success" in envelope:
			self.assertEqual(envelope["success"], answer.status_code == 200)
			self.assertEqual({"error", "error_code"} <= set(envelope), answer.status_code != 200)

	def test_an_endpoint_refuses_the_methods_it_does_not_name(self):
		"""S19."""
		for row in ROWS:
			self.assertEqual(set(row.methods) >= set(GET), row.endpoint in READS, row.endpoint)
			for method in {"GET", "POST", "PUT", "DELETE"} - set(row.methods):
				with self.subTest(endpoint=row.endpoint, method=method):
					answer = call(row.endpoint, self.people.manager, method=method, query_string=row.query)
					self.assertEqual(answer.status_code, 403, answer.text[:300])

	def test_the_table_lists_the_declared_http_methods(self):
		declared = {
			name: set(frappe.allowed_http_methods_for_whitelisted_func[f])
			for name, f in whitelisted().items()
		}
		self.assertEqual({row.endpoint: set(row.methods) for row in ROWS}, declared)

	def test_a_get_request_writes_nothing(self):
		"""S19."""
		# These query the gateway, whose answer may change something.
		asking = {"callbacks.returned", "cashfree.get_cashfree_order_status", "payment.get_payment_status"}
		for row in ROWS:
			if row.endpoint in READS - asking:
				arguments = row.arguments(OwnerRecords(self.people))
				before = self.written()
				call(row.endpoint, self.people.owner, method="GET", query_string=arguments or row.query)
				self.assertEqual(self.written(), before, row.endpoint)

	def written(self) -> dict:
		return {
			doctype: frappe.db.sql(f"SELECT COUNT(*), MAX(modified) FROM `tab{doctype}`")
			for doctype in (*CUSTOMERS_READ, *STAFF_ONLY[:-1])
		}


class TestOwnLists(TestCase):
	def test_a_customer_lists_only_own_records(self):
		"""S13."""
		mine, theirs = create_invoice(), create_invoice()
		listed = message(call("payment.get_pending_invoices", mine.user))["invoices"]
		self.assertEqual([row["name"] for row in listed], [mine.name])
		self.assertNotIn(theirs.name, frappe.as_json(listed))

	def test_a_foreign_record_and_a_missing_one_get_the_same_answer(self):
		"""S9: names cannot be guessed by comparing answers."""
		invoice, other_user = create_invoice(), create_user()
		for name in (invoice.name, "INV-0000-00000"):
			answer = call("payment.get_payment_status", other_user, json={"invoice_id": name})
			self.assertEqual(
				(answer.status_code, message(answer)["error"]), (404, f"You have no invoice {name}.")
			)


class TestRest(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.owner, cls.other = create_user(), create_user()
		cls.auditor, cls.manager = create_user("Payments Auditor"), create_user("Payments Manager")
		cls.subscription = create_active_subscription(cls.owner)
		invoice = cls.subscription.current_invoice
		change = cls.changed()
		document = issued_document(cls.owner, invoice)  # before there is a registration
		cls.names = {
			"AI Invoice": invoice,
			"AI Subscription": cls.subscription.name,
			"AI API Key": cls.subscription.api_key_link,
			"Payment Attempt": frappe.db.get_value("Payment Attempt", {"invoice": invoice}, "name"),
			"Payment Capture": frappe.db.get_value("Payment Capture", {"invoice": invoice}, "name"),
			"Payment Event": f"{invoice}-00001",
			"Payment Refund": create.create_refund(invoice, Decimal(1), "A test")["refund"],
			"Payment Webhook Log": cls.stored(
				"Payment Webhook Log", gateway="payu", event_key=unique("event")
			),
			"AI Payment Link": cls.stored(
				"AI Payment Link",
				user=cls.owner,
				invoice=invoice,
				token_hash=unique("hash"),
				expires_at=now_datetime(),
			),
			"Payment Alert": cls.stored(
				"Payment Alert", kind="Dead Letters", subject=unique("subject"), status="Open"
			),
			**unknown_payout("payu"),
			"Payment Payout Mapping": cls.stored("Payment Payout Mapping", name=unique("code")),
			"Payment Counter": cls.stored("Payment Counter", name=unique("counter")),
			"Payment Day": cls.stored("Payment Day"),
			"AI Report Result": cls.stored("AI Report Result", name=unique("report"), result="[]"),
			"Payment Posting": cls.stored("Payment Posting", invoice=invoice, source_key=unique("source")),
			"AI Payment Reminder": cls.stored("AI Payment Reminder", invoice=invoice, user=cls.owner),
			**credit_records(cls.owner),
			"AI Usage Window": cls.stored(
				"AI Usage Window", subscription=cls.subscription.name, unique_key=unique("window")
			),
			"AI Agent Proposal": cls.stored("AI Agent Proposal", name=unique("AP"), action="Refund"),
			"AI Usage Lease": cls.stored("AI Usage Lease", subscription=cls.subscription.name),
			"AI Usage Entry": cls.stored("AI Usage Entry", subscription=cls.subscription.name),
			"AI Usage Alert": cls.stored(
				"AI Usage Alert", subscription=cls.subscription.name, user=cls.owner, status="Sent"
			),
			"AI Usage Day": cls.stored("AI Usage Day", subscription=cls.subscription.name, user=cls.owner),
			"AI Webhook Endpoint": cls.stored(
				"AI Webhook Endpoint", user=cls.owner, url="https://example.com"
			),
			"AI Webhook Event": cls.stored("AI Webhook Event", user=cls.owner, type="invoice.paid"),
			"AI Webhook Delivery": cls.stored("AI Webhook Delivery", user=cls.owner, status="Given Up"),
			"AI Reminder Opt Out": cls.stored("AI Reminder Opt Out", user=cls.owner),
			"AI Coupon": cls.stored("AI Coupon", code=unique("CODE")),
			"AI Coupon Redemption": cls.stored("AI Coupon Redemption", user=cls.owner),
			"AI Trial Claim": cls.stored("AI Trial Claim", user=cls.owner),
			"AI Exchange Rate": cls.stored("AI Exchange Rate", currency="USD", rate="1"),
			"AI Plan": cls.subscription.plan,
			"AI Instalment Plan": create_instalment_plan(),
			"AI Plan Change": change,
			"AI Tax Document": document,
			"AI Tax Document Series": frappe.db.get_value("AI Tax Document", document, "series"),
			"AI Billing Profile": frappe.db.get_value("AI Billing Profile", {"user": cls.owner}),
			"AI Tax Registration": cls.stored(
				"AI Tax Registration", number=unique("number"), valid_to="2020-12-31"
			),
			"AI Tax Rule": cls.stored("AI Tax Rule", name=unique("rule"), treatment="B2C", enabled=0),
			"Payment Gateway Settings": "PayU",
			"Payment Settings": "Payment Settings",
		}

	@staticmethod
	def stored(doctype: str, **values) -> str:
		doc = frappe.new_doc(doctype).update(values)
		doc.db_insert()
		frappe.db.commit()
		return doc.name

	@classmethod
	def changed(cls) -> str:
		plan = create_plan(price=1).name  # a cheaper one is scheduled, without an invoice
		quote = preview.preview(cls.owner, plan)["quote"]
		return confirm.change(cls.owner, plan, quote)["plan_change"]

	def test_the_tables_cover_every_doctype_of_the_app(self):
		records = {"module": "AI Billing", "istable": 0}
		self.assertEqual(
			{*CUSTOMERS_READ, *STAFF_ONLY}, set(frappe.get_all("DocType", records, pluck="name"))
		)
		self.assertEqual({*CUSTOMERS_READ, *STAFF_ONLY}, set(self.names))

	def read(self, doctype: str, user: str | None):
		return send("GET", f"/api/resource/{doctype}/{self.names[doctype]}", user)

	def listed(self, doctype: str, user: str | None, **query):
		answer = send("GET", f"/api/resource/{doctype}", user, query_string={"limit_page_length": 0, **query})
		rows = answer.json.get("data") if answer.status_code == 200 else None
		return answer.status_code, rows

	@staticmethod
	def refusals_to_list(doctype: str) -> tuple[int, ...]:
		"""v16 itself fails when a Single is listed, before it looks at rights."""
		fails = frappe.get_meta(doctype).issingle and frappe.__version__ >= "16"
		return (403, 500) if fails else (403,)

	def test_a_customer_reads_own_records(self):
		for doctype in CUSTOMERS_READ:
			with self.subTest(doctype=doctype):
				self.assertEqual(self.read(doctype, self.owner).status_code, 200)
				status, rows = self.listed(doctype, self.owner)
				self.assertEqual((status, [row["name"] for row in rows]), (200, [self.names[doctype]]))

	def test_a_customer_cannot_read_records_of_others(self):
		"""S13: by name, in a list, by a filter, and by the client API."""
		for doctype in CUSTOMERS_READ:
			name = self.names[doctype]
			with self.subTest(doctype=doctype):
				self.assertEqual(self.read(doctype, self.other).status_code, 403)
				self.assertEqual(self.listed(doctype, self.other), (200, []))
				filters = frappe.as_json({"name": name})
				self.assertEqual(self.listed(doctype, self.other, filters=filters), (200, []))
				asked = {"doctype": doctype, "filters": filters, "fieldname": "name"}
				answer = send("GET", "/api/method/frappe.client.get_value", self.other, query_string=asked)
				self.assertNotIn(name, answer.text)

	def test_guests_read_nothing(self):
		for doctype in self.names:
			with self.subTest(doctype=doctype):
				self.assertEqual(self.read(doctype, None).status_code, 403)
				self.assertIn(self.listed(doctype, None)[0], self.refusals_to_list(doctype))

	def test_customers_cannot_read_staff_records(self):
		for doctype in STAFF_ONLY:
			with self.subTest(doctype=doctype):
				self.assertEqual(self.read(doctype, self.owner).status_code, 403)
				self.assertIn(self.listed(doctype, self.owner)[0], self.refusals_to_list(doctype))

	def test_customers_cannot_read_internal_fields_of_own_records(self):
		for doctype in CUSTOMERS_READ:
			row = self.read(doctype, self.owner).json["data"]
			self.assertEqual([field for field in INSIDE if row.get(field)], [], doctype)

	def test_staff_can_read_everything_and_auditors_cannot_write(self):
		for doctype, name in self.names.items():
			with self.subTest(doctype=doctype):
				self.assertEqual(self.read(doctype, self.auditor).status_code, 200)
				self.assertEqual(self.read(doctype, self.manager).status_code, 200)
				self.refused(self.auditor, doctype, name)

	def test_a_manager_cannot_write_evidence_by_rest(self):
		for doctype in EVIDENCE:
			with self.subTest(doctype=doctype):
				self.refused(self.manager, doctype, self.names[doctype])

	def test_customers_cannot_write_any_record(self):
		"""S14."""
		for user in (None, self.owner, self.other):
			for doctype, name in self.names.items():
				with self.subTest(user=user, doctype=doctype):
					self.refused(user, doctype, name)

	def refused(self, user: str | None, doctype: str, name: str):
		path = f"/api/resource/{doctype}"
		values = {
			"user": user or "Guest",
			"status": "Active",
			"plan": self.subscription.plan,
			"plan_name": "x",
		}
		for method, address in (("POST", path), ("PUT", f"{path}/{name}"), ("DELETE", f"{path}/{name}")):
			answer = send(method, address, user, json=values)
			self.assertEqual(answer.status_code, 403, (method, answer.text[:300]))
		self.assertTrue(frappe.db.exists(doctype, name))

	def test_a_customer_cannot_call_document_methods(self):
		"""S12."""
		asked = {"dt": "Payment Gateway Settings", "dn": "PayU", "method": "test_connection"}
		for user in (None, self.owner):
			answer = send("POST", "/api/method/run_doc_method", user, data=asked)
			self.assertEqual(answer.status_code, 403, answer.text[:300])
		asked = {"dt": "AI Invoice", "dn": self.names["AI Invoice"], "method": "mark_as_paid"}
		for user in (self.owner, self.manager):
			answer = send("POST", "/api/method/run_doc_method", user, data=asked)
			self.assertEqual(answer.status_code, 403, answer.text[:300])
