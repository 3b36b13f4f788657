"""Every endpoint with valid arguments of its owner, and the status that each kind of user gets. `test_access` fails if one has no row."""

import importlib
import pkgutil
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property

import frappe

import oropendola_payments.api
from oropendola_payments import roles
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import new_posting
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout import two_step
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.plan_changes import confirm, preview
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.tax import profile
from oropendola_payments.engine.webhooks_out import endpoints as webhook_endpoints
from oropendola_payments.engine.webhooks_out import log as webhook_log
from oropendola_payments.gateways.base import Customer
from oropendola_payments.tests.support.credits import CreditRecords
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
	enable_gateway,
	forget_counters,
	unique,
)
from oropendola_payments.tests.support.paid import overpaid_invoice
from oropendola_payments.tests.support.payouts import unknown_payout
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.tax_documents import issued_document

ACTORS = ("guest", "owner", "other", "auditor", "manager")


class People:
	"""One user of each kind."""

	def __init__(self):
		self.guest = None
		self.owner, self.other = create_user(roles.TRANSACT), create_user(roles.TRANSACT)
		for customer in (self.owner, self.other):
			frappe.db.set_value("User", customer, "user_type", "Website User")
		self.auditor, self.manager = create_user("Payments Auditor"), create_user("Payments Manager")
		for code in ("payu", "cashfree"):
			enable_gateway(code, api_base_url=f"{simulator().url}/{code}")


class OwnerRecords(CreditRecords):
	"""Records of one owner, each created when a row first needs it."""

	def __init__(self, people: People):
		self.owner = people.owner
		self.phone = f"+9198{secrets.randbelow(10**8):08d}"

	@cached_property
	def plan(self) -> str:
		return create_plan().name

	@cached_property
	def invoice(self) -> str:
		return create_invoice(self.owner).name

	@cached_property
	def coupon(self) -> str:
		return create_coupon(max_per_customer=0).name

	@cached_property
	def failed_invoice(self) -> str:
		doc = frappe.get_doc("AI Invoice", self.invoice)
		doc.mark_as_processing()
		doc.mark_as_failed("The bank said no.")
		return doc.name

	@cached_property
	def reminded_invoice(self) -> str:
		values = {"invoice": self.invoice, "user": self.owner, "status": "Planned"}
		frappe.get_doc({"doctype": "AI Payment Reminder", **values}).db_insert()
		frappe.db.commit()
		return self.invoice

	@cached_property
	def exhausted_invoice(self) -> str:
		invoice = self.failed_invoice
		frappe.db.set_value("AI Invoice", invoice, "retry_count", 3)
		frappe.db.commit()
		return invoice

	@cached_property
	def profile(self) -> str:
		profile.save(self.owner, {"country": "US", "tax_id": "12-3456789"})
		return frappe.db.get_value("AI Billing Profile", {"user": self.owner}, "name")

	@cached_property
	def subscription(self):
		return create_active_subscription(self.owner)

	@cached_property
	def pausable(self) -> str:
		return create_active_subscription(self.owner, allow_pause=1).name

	@cached_property
	def dearer_plan(self) -> str:
		return create_plan(plan_name="Pro", price=999).name

	def quote(self) -> dict:
		quoted = preview.preview(self.owner, self.dearer_plan, self.subscription.name)
		asked = {"plan_id": self.dearer_plan, "subscription_id": self.subscription.name}
		return {**asked, "quote": quoted["quote"]}

	def changed(self) -> str:
		return confirm.change(self.owner, **self.quote())["plan_change"]

	@cached_property
	def keyring(self):
		"""A subscription that may have several keys."""
		return create_active_subscription(self.owner, max_api_keys=5)

	@cached_property
	def expired_plan(self) -> str:
		self.subscription.expire()
		return self.subscription.plan

	@cached_property
	def tax_document(self) -> str:
		"""A document of a seller who is registered in India for a while."""
		return issued_document(self.owner)

	@cached_property
	def attempt(self) -> str:
		return checkout.initiate(self.owner, self.invoice, "payu")["attempt"]

	@cached_property
	def webhook_endpoint(self) -> str:
		for left in webhook_endpoints.list_of(self.owner):
			webhook_endpoints.delete(left["endpoint"])
		with as_user(self.owner):
			return webhook_endpoints.create(self.owner, "https://example.com/hook", [])["endpoint"]

	@cached_property
	def webhook_delivery(self) -> str:
		return webhook_log.send_test(self.webhook_endpoint)["delivery"]

	@cached_property
	def payment_link(self):
		return links.create(self.invoice, made_by=self.owner)

	@cached_property
	def posting(self) -> str:
		"""A posting that waits for a manager."""
		invoice = frappe.get_doc("AI Invoice", self.invoice)
		posting = new_posting(invoice, "Payment", unique("capture"), amount=1, currency="INR")
		posting.mark_as_needing_attention("The books are closed.")
		frappe.db.commit()
		return posting.name

	@cached_property
	def payout(self) -> dict[str, str]:
		return unknown_payout("payu")

	@cached_property
	def lost_refund(self) -> str:
		"""A refund whose response was lost."""
		refund = create.create_refund(self.subscription.current_invoice, Decimal(1), "Asked for")["refund"]
		frappe.db.set_value("Payment Refund", refund, "status", "Unknown")
		frappe.db.commit()
		return refund

	@cached_property
	def order(self) -> str:
		customer = Customer("Asha Example", self.owner, self.phone)
		return two_step.create_order(self.owner, self.invoice, None, customer)["order_id"]

	@cached_property
	def order_with_code(self) -> str:
		forget_counters()
		two_step.start(self.owner, self.order, "upi_intent", self.phone, {})
		return self.order


def delete_webhook_endpoints():
	"""No test after this one has somebody who listens."""
	for name in frappe.get_all("AI Webhook Endpoint", pluck="name"):
		webhook_endpoints.delete(name)


def token_of_link(address: str) -> str:
	return address.rpartition("/")[2]


@dataclass(frozen=True)
class Row:
	endpoint: str
	statuses: tuple[int, int, int, int, int]  # in the order of ACTORS
	arguments: Callable[[OwnerRecords], dict] = lambda records: {}
	methods: tuple[str, ...] = ("POST",)
	query: str = ""

	def status_for(self, actor: str) -> int:
		return self.statuses[ACTORS.index(actor)]


GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")
ANY_METHOD = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "POST")  # proxies ask with the method of the request
EVERYBODY = (200, 200, 200, 200, 200)
USERS = (403, 200, 200, 200, 200)  # each sees own records
OWNER = (403, 200, 404, 404, 404)
OWNER_OR_MANAGER = (403, 200, 404, 404, 200)
MANAGER = (403, 403, 403, 403, 200)
STAFF = (403, 403, 403, 200, 200)
BROWSER = (303, 303, 303, 303, 303)
UNSIGNED = (401, 401, 401, 401, 401)
TRANSACT = (403, 200, 404, 403, 403)  # needs the role, and the record

ROWS = (
	Row("admin.record_manual_payment", MANAGER, lambda w: {"invoice_id": w.invoice, "amount": "1", "reference": unique("t")}),
	Row("admin.ask_gateway", MANAGER, lambda w: {"attempt": w.attempt}),
	Row("admin.replay_messages", MANAGER, lambda w: {"names": "[]"}),
	Row("admin.confirm_live_site", MANAGER),
	Row("admin.rotate_frontend_secret", MANAGER),
	Row("admin.close_refund", MANAGER, lambda w: {"refund": w.lost_refund, "note": "It is not in the dashboard."}),
	Row("postings.retry", MANAGER, lambda w: {"posting": w.posting}),
	Row("postings.close", MANAGER, lambda w: {"posting": w.posting, "note": "It was booked by hand."}),
	Row("admin.explain_gateways", STAFF, lambda w: {"currency": "INR"}, methods=BOTH),
	Row("admin.allow_retry", MANAGER, lambda w: {"invoice_id": w.exhausted_invoice, "reason": "The bank made a mistake."}),
	Row("admin.keep_as_credit", MANAGER, lambda w: {"invoice_id": overpaid_invoice()}),
	Row("admin.cancel_subscription", MANAGER, lambda w: {"subscription_id": w.subscription.name}),
	Row("admin.undo_cancel", MANAGER, lambda w: {"subscription_id": w.subscription.name}),
	Row("admin.pause_subscription", MANAGER, lambda w: {"subscription_id": w.pausable}),
	Row("admin.resume_subscription", MANAGER, lambda w: {"subscription_id": w.pausable}),
	Row("admin.finish_review", MANAGER, lambda w: {"invoice_id": w.invoice, "note": "Looked at, all is well."}),
	Row("links.create", OWNER_OR_MANAGER, lambda w: {"invoice_id": w.invoice}),
	Row("links.list", OWNER_OR_MANAGER, lambda w: {"invoice_id": w.invoice}, methods=BOTH),
	Row("links.revoke", OWNER_OR_MANAGER, lambda w: {"link": w.payment_link.link.name}),
	Row("links.send", (403, 409, 404, 404, 409), lambda w: {"invoice_id": w.subscription.current_invoice}),  # it is paid
	Row("links.resend", EVERYBODY, lambda w: {"token": token_of_link(w.payment_link.address)}),
	Row("admin.withdraw_plan_change", MANAGER, lambda w: {"plan_change": w.changed()}),
	Row("admin.confirm_tax_id", MANAGER, lambda w: {"profile": w.profile, "reference": "VIES"}),
	Row("admin.reject_tax_id", MANAGER, lambda w: {"profile": w.profile}),
	Row("admin.load_tax_rules", MANAGER, lambda w: {"data_set": "United Kingdom"}),
	Row("billing.get_profile", USERS, methods=BOTH),
	Row("billing.save_profile", USERS, lambda w: {"legal_name": "Asha Example"}),
	Row("callbacks.returned", BROWSER, methods=BOTH, query="gateway=payu"),
	Row("callbacks.payu_success", BROWSER),
	Row("callbacks.payu_failure", BROWSER),
	Row(
		"cashfree.create_cashfree_order",
		TRANSACT,
		lambda w: {
			"invoice_id": w.invoice,
			"amount": "499",
			"customer_name": "Asha Example",
			"customer_email": "asha@example.com",
			"customer_phone": w.phone,
		},
	),
	Row(
		"cashfree.initiate_cashfree_payment",
		TRANSACT,
		lambda w: {"order_id": w.order, "payment_method": "upi_intent", "phone_number": w.phone},
	),
	Row(
		"cashfree.confirm_cashfree_payment", TRANSACT, lambda w: {"order_id": w.order_with_code, "otp": "123456"}
	),
	Row("cashfree.get_cashfree_order_status", TRANSACT, lambda w: {"order_id": w.order}, BOTH),
	Row("coupons.check", (403, 200, 200, 200, 200), lambda w: {"code": w.coupon, "plan_id": w.plan, "currency": "INR"}),
	Row("coupons.apply", OWNER, lambda w: {"invoice_id": w.invoice, "code": w.coupon}),
	Row("coupons.remove", OWNER, lambda w: {"invoice_id": w.invoice}),
	Row("credits.list_packs", EVERYBODY, lambda w: {"currency": "INR"}, BOTH),
	Row("credits.quote", USERS, lambda w: {"pack_id": w.pack, "currency": "INR"}, BOTH),
	Row("credits.buy", (403, 200, 409, 409, 409), lambda w: {"pack_id": w.pack_of_a_customer}),  # the others have no plan
	Row("credits.get_balance", USERS, methods=BOTH),
	Row("credits.get_entries", USERS, lambda w: {"page": 1}, BOTH),
	Row("admin.give_credits", MANAGER, lambda w: {"user": w.owner, "credits": "5", "reason": "Sorry for the outage"}),
	Row("admin.correct_credits", MANAGER, lambda w: {"grant": w.credit_grant, "credits": "-1", "reason": "Given twice"}),
	Row("desk.revenue_this_month", STAFF, methods=BOTH),
	Row("desk.success_rate", STAFF, methods=BOTH),
	Row("desk.abandoned_rate", STAFF, methods=BOTH),
	Row("desk.pending_too_long", STAFF, methods=BOTH),
	Row("desk.recovered_this_month", STAFF, methods=BOTH),
	Row("desk.overdue_parts", STAFF, methods=BOTH),
	Row("desk.chart", STAFF, lambda w: {"filters": '{"figure": "Funnel", "days": 30}'}, BOTH),
	Row("documents.download", (403, 200, 404, 200, 200), lambda w: {"document": w.tax_document}, GET),
	Row("documents.get_my_documents", USERS, lambda w: {"invoice_id": w.subscription.current_invoice}, BOTH),
	Row("documents.export", STAFF, lambda w: {"format": "csv", "from_date": "2026-11-01", "to_date": "2026-11-30"}, GET),
	Row("documents.issue", MANAGER, lambda w: {"invoice_id": w.subscription.current_invoice}),
	# This invoice has no document that could be corrected.
	Row("documents.reissue", (403, 403, 403, 403, 409), lambda w: {"invoice_id": w.invoice, "reason": "A new tax ID"}),
	Row("health.status", EVERYBODY, methods=BOTH),
	Row("health.metrics", STAFF, methods=GET),
	Row("openapi.document", EVERYBODY, methods=GET),
	Row("payouts.fetch", MANAGER, lambda w: {"gateway": "payu"}),
	# Without a file there is nothing to read.
	Row("payouts.preview_file", (403, 403, 403, 403, 400), lambda w: {"gateway": "payu"}),
	Row("payouts.import_file", (403, 403, 403, 403, 400), lambda w: {"gateway": "payu"}),
	Row("payouts.check", MANAGER, lambda w: {"payout": w.payout["Payment Payout"]}),
	Row("payouts.reopen", MANAGER, lambda w: {"payout": w.payout["Payment Payout"], "reason": "The gateway corrected it."}),
	Row("payouts.accept_difference", MANAGER, lambda w: {"difference": w.payout["Payment Payout Difference"], "reason": "It came by hand."}),
	Row("openapi.postman_collection", EVERYBODY, methods=GET),
	# Off until a manager switches it on.
	Row("mcp.serve", (404, 404, 404, 404, 404), lambda w: {}, ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")),
	# Only for a person who is logged in to the Desk.
	Row("proposals.approve", (403, 403, 403, 403, 403), lambda w: {"proposal": "AP0"}),
	Row("proposals.reject", (403, 403, 403, 403, 403), lambda w: {"proposal": "AP0"}),
	Row("payment.get_available_gateways", EVERYBODY, lambda w: {"currency": "INR"}, BOTH),
	Row("payment.initiate_payment", OWNER, lambda w: {"invoice_id": w.invoice, "gateway": "payu"}),
	Row("payment.create_bolt_payment", OWNER, lambda w: {"invoice_id": w.invoice, "embed_mode": "inline"}),
	Row("payment.retry_payment", OWNER, lambda w: {"invoice_id": w.failed_invoice, "gateway": "payu"}),
	Row("payment.cancel_payment", OWNER, lambda w: {"attempt": w.attempt}),
	# No code is expected for the payment; other users do not learn that it exists.
	Row("payment.confirm_otp", (403, 400, 404, 404, 404), lambda w: {"attempt": w.attempt, "otp": "123456"}),
	Row("payment.resend_otp", (403, 400, 404, 404, 404), lambda w: {"attempt": w.attempt}),
	Row("payment.get_payment_status", OWNER, lambda w: {"invoice_id": w.invoice, "attempt": w.attempt}, BOTH),
	Row("payment.get_parts", OWNER, lambda w: {"invoice_id": w.invoice}, BOTH),
	Row("payment.choose_instalments", OWNER, lambda w: {"invoice_id": w.invoice}),
	Row("payment.get_pending_invoices", USERS, methods=BOTH),
	Row("receipts.download", OWNER, lambda w: {"invoice_id": w.subscription.current_invoice}, GET),
	Row("receipts.payment_request", OWNER, lambda w: {"invoice_id": w.invoice}, GET),
	Row("refunds.create_refund", MANAGER, lambda w: {"invoice_id": w.subscription.current_invoice, "reason": "Asked for", "amount": "1"}),
	Row("reminders.stop_my_reminders", EVERYBODY, lambda w: {"invoice_id": w.invoice, "channel": "Email", "token": opt_out.token_of(w.invoice, "Email")}),
	Row("reminders.set_my_reminders", USERS, lambda w: {"channel": "Email", "enabled": 1}),
	Row("reminders.stop_planned_reminders", MANAGER, lambda w: {"invoice_id": w.reminded_invoice}),
	Row("subscription.get_plans", EVERYBODY, lambda w: {"currency": "INR"}, BOTH),
	Row("subscription.get_my_subscription", OWNER, lambda w: {"subscription_id": w.subscription.name}, BOTH),
	Row("subscription.get_my_subscriptions", USERS, methods=BOTH),
	Row("subscription.get_usage", OWNER, lambda w: {"subscription_id": w.subscription.name}, BOTH),
	Row("subscription.download_usage", OWNER, lambda w: {"subscription_id": w.subscription.name}, GET),
	Row("subscription.customer_state", USERS, methods=GET),
	Row("subscription.set_default_subscription", OWNER, lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription.preview_cancellation", OWNER, lambda w: {"subscription_id": w.subscription.name}, BOTH),
	Row("subscription.cancel_subscription", OWNER, lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription.undo_cancel", OWNER, lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription.withdraw_contract", (403, 409, 404, 404, 404), lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription.pause_subscription", OWNER, lambda w: {"subscription_id": w.pausable}),
	Row("subscription.resume_subscription", OWNER, lambda w: {"subscription_id": w.pausable}),
	Row("subscription.preview_plan_change", OWNER, lambda w: {"plan_id": w.dearer_plan, "subscription_id": w.subscription.name}, BOTH),
	Row("subscription.change_plan", OWNER, lambda w: w.quote()),
	Row("subscription.withdraw_plan_change", OWNER, lambda w: {"subscription_id": frappe.db.get_value("AI Plan Change", w.changed(), "subscription")}),
	Row("admin.revoke_api_key", MANAGER, lambda w: {"key_id": w.subscription.api_key_link}),
	Row("subscription.send_trial_code", (403, 409, 409, 409, 409), lambda w: {"plan_id": w.plan}),
	Row("subscription.list_api_keys", OWNER, lambda w: {"subscription_id": w.subscription.name}, BOTH),
	Row("subscription.create_api_key", OWNER, lambda w: {"subscription_id": w.keyring.name, "name": unique("key")}),
	Row("subscription.rename_api_key", OWNER, lambda w: {"key_id": w.subscription.api_key_link, "name": unique("key")}),
	Row("subscription.revoke_api_key", OWNER, lambda w: {"key_id": w.keyring.api_key_link}),
	Row("subscription.rotate_api_key", OWNER, lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription.reveal_api_key", OWNER, lambda w: {"subscription_id": w.subscription.name}),
	Row("subscription_renewal.renew_subscription", OWNER, lambda w: {"plan_id": w.subscription.plan}),
	Row("subscription_renewal.extend_active_subscription", (403, 200, 409, 409, 409), lambda w: {"plan_id": w.subscription.plan}),
	Row("subscription_renewal.renew_expired_subscription", (403, 200, 409, 409, 409), lambda w: {"plan_id": w.expired_plan}),
	Row("subscription_renewal.apply_payment_to_subscription", MANAGER, lambda w: {"invoice_id": w.subscription.current_invoice}),
	# A session is not an API key.
	Row("usage.consume", UNSIGNED, lambda w: {"requests": 1}),
	Row("usage.authorize", UNSIGNED, methods=ANY_METHOD),
	Row("usage.check", UNSIGNED, methods=ANY_METHOD),
	Row("usage.reserve", UNSIGNED, lambda w: {"event_id": "none"}),
	Row("usage.settle_reservation", UNSIGNED, lambda w: {"event_id": "none"}),
	Row("usage.release_reservation", UNSIGNED, lambda w: {"event_id": "none"}),
	Row("usage.get_usage", UNSIGNED, methods=BOTH),
	Row("usage.get_event", UNSIGNED, lambda w: {"event_id": "none"}, methods=BOTH),
	Row("usage.lease", UNSIGNED, lambda w: {"requests": 1}),
	Row("usage.settle", UNSIGNED, lambda w: {"lease": "none", "spent": 0}),
	Row("webhooks.receive", UNSIGNED, query="gateway=payu"),
	Row("webhook_endpoints.list_event_types", USERS, methods=BOTH),
	# Only managers may ask for the events of all customers; customers' own endpoints are off on this site.
	Row("webhook_endpoints.create", MANAGER, lambda w: {"url": "https://example.com/hook", "all_customers": 1}),
	Row("webhook_endpoints.list_endpoints", USERS, methods=BOTH),
	Row("webhook_endpoints.update", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint, "description": "Ours"}),
	Row("webhook_endpoints.rotate_secret", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint, "overlap_hours": 0}),
	Row("webhook_endpoints.disable", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint}),
	Row("webhook_endpoints.enable", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint}),
	Row("webhook_endpoints.send_test_event", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint}),
	Row("webhook_endpoints.list_deliveries", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint}, BOTH),
	Row("webhook_endpoints.get_delivery", OWNER_OR_MANAGER, lambda w: {"delivery": w.webhook_delivery}, BOTH),
	Row("webhook_endpoints.resend", OWNER_OR_MANAGER, lambda w: {"delivery": w.webhook_delivery}),
	Row("webhook_endpoints.resend_failed", OWNER_OR_MANAGER, lambda w: {"endpoint": w.webhook_endpoint, "since": "2026-11-20"}),
	Row("webhook_endpoints.delete", OWNER, lambda w: {"endpoint": w.webhook_endpoint}),
	# Last, because it gives everybody a subscription.
	Row("subscription.create_subscription_and_invoice", USERS, lambda w: {"plan_id": w.plan, "currency": "INR", "coupon": w.coupon}),
)  # fmt: skip


@cache
def whitelisted() -> dict[str, Callable]:
	"""Every function of our API that HTTP can reach, by the name in its address."""
	package, found = oropendola_payments.api, {}
	for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
		for name, function in vars(importlib.import_module(module.name)).items():
			if getattr(function, "__module__", None) == module.name and function in list(frappe.whitelisted):
				found[f"{module.name.removeprefix(package.__name__ + '.')}.{name}"] = function
	return found
