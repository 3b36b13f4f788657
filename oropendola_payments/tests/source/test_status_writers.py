"""Only the transition methods of the records write a status; this is checked in the source."""

import ast
from functools import cache
from itertools import chain

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.engine import privacy
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, files, tree_of
from oropendola_payments.tests.support.status_writes import moves, status_writes

# The transition methods, and functions that write any column they are given.
MOVES = {
	("ai_billing/records.py", "_swap"),
	("ai_billing/records.py", "move_locked"),
	("ai_billing/records.py", "add"),
	("ai_billing/records.py", "_update_row"),
	("ai_billing/records.py", "_update_rows"),
	("ai_billing/audited.py", "_swap"),
	("ai_billing/doctype/payment_attempt/payment_attempt.py", "mark_as_opened"),
	("ai_billing/doctype/payment_event/payment_event.py", "insert"),
}
# These write another status than that of an invoice, attempt, refund or subscription.
OTHERS = {
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "revoke"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "retire"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "suspend_keys"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "restore_keys"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "revoke_keys"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "_update_keys"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "new_api_key"),
	("ai_billing/doctype/ai_agent_proposal/ai_agent_proposal.py", "add"),
	("ai_billing/doctype/ai_plan_change/ai_plan_change.py", "add"),
	("ai_billing/doctype/payment_posting/payment_posting.py", "new_posting"),
	("integrations/payments_app/tell.py", "post"),  # what another app reads about the payment
	("ai_billing/outbox.py", "_insert"),  # new rows of the outbox
	(
		"ai_billing/doctype/ai_subscription/ai_subscription.py",
		"_swap",
	),  # tells the status that the base has moved
	("engine/webhooks_out/endpoints.py", "_create"),
	("engine/webhooks_out/relay.py", "new_event"),
	("engine/webhooks_out/relay.py", "add_delivery"),
	("engine/gateway/circuit_breaker.py", "_write_now"),
	("engine/payouts/record.py", "_add"),  # a new payout
	("engine/payouts/settings.py", "write"),  # what is known of the payouts of a gateway
	("engine/monitoring/alerts.py", "_close"),
	("engine/inbound/inbox.py", "_mark"),
	("engine/inbound/inbox.py", "_record_failure_locked"),
	("engine/inbound/inbox.py", "_defer"),
	("install.py", "ensure_settings"),
	("engine/tax/forget.py", "forget"),  # redacts the fields named in PERSONAL
	("engine/privacy.py", "_redact_texts"),  # redacts the fields named in TYPED
	("engine/privacy.py", "_redact_usage"),  # redacts the fields named in USED
}

WAYS_AROUND = (
	'invoice.status = "Paid"',
	'invoice.status: str = "Paid"',
	'a, invoice.status = 1, "Paid"',
	'for invoice.status in ("Paid",):\n\tinvoice.db_update()',
	'invoice["status"] = "Paid"',
	'invoice.__dict__["status"] = "Paid"',
	'vars(invoice)["status"] = "Paid"',
	'setattr(invoice, "status", "Paid")',
	'setattr(invoice, "sta" + "tus", "Paid")',
	"setattr(invoice, field, value)",
	'object.__setattr__(invoice, "status", "Paid")',
	'invoice.set("status", "Paid")',
	"invoice.set(field, value)",
	'invoice.write(status="Paid")',
	'invoice.write(status="Pending")',
	'invoice.write(**{"status": "Paid"})',
	'invoice.write(**dict(status="Paid"))',
	'values = {"status": status}\ninvoice.write(**values)',
	'values = {}\nvalues["amount"] = 1\nmore = {**values, "status": "Paid"}\nagain = more\ninvoice.write(**again)',
	'values = dict(status="Paid") if done else {}\ninvoice.update(values)',
	'values = {"a": 1} | {"status": "Paid"}\ninvoice.update(values)',
	'values = frappe._dict(status="Paid")\ninvoice.update(values)',
	'invoice.update({name: "Paid" for name in ("status",)})',
	'invoice.update(dict.fromkeys(["status"], "Paid"))',
	'invoice.update(dict([("status", "Paid")]))',
	'values.setdefault("status", "Paid")',
	'PAID = {"status": "Paid"}\ndef f(invoice):\n\tinvoice.write(**PAID)',
	'def f(invoice):\n\tvalues = {"status": "Paid"}\n\tdef g():\n\t\tinvoice.write(**values)\n\tg()',
	'def paid():\n\treturn {"status": "Paid"}\ndef f(invoice):\n\tinvoice.write(**paid())',
	'def f(invoice):\n\tput(invoice, {"status": "Paid"})',
	'def f(invoice):\n\tput(invoice, status="Paid")',
	'write = invoice.write\nwrite(status="Paid")',
	'getattr(invoice, "write")(status="Paid")',
	'partial(invoice.write, status="Paid")()',
	'invoice.db_set("status", "Paid")',
	'invoice.db_set({"status": "Paid"})',
	'invoice.db_set({"status": "Pending"})',
	"invoice.db_set(field, value)",
	'invoice._update_row(dict(status="Paid"))',
	'invoice._update_row({"status": "Pending"})',
	'invoice.update({"amount": 1, "status": status})',
	'invoice.update({"status": "Pending"})',
	'invoice = frappe.get_doc("AI Invoice", name)\ninvoice.update({"status": "Pending"})',
	'def f(invoice):\n\tif not invoice:\n\t\tinvoice = frappe.new_doc("AI Invoice")\n\tinvoice.update({"status": "Pending"})',
	'doc = records.new("AI Invoice")\ndoc.update({"status": "Paid"})\ndoc.add()',
	'doc = records.new("AI Invoice")\ndoc.update({"status": status})\ndoc.add()',
	'doc = frappe.new_doc("AI Invoice")\ndoc.insert()\ndoc.write(status="Pending")',
	'frappe.new_doc("AI Invoice").update({"status": "Paid"}).db_insert()',
	'frappe.get_doc({"doctype": "AI Invoice", "status": "Paid"}).db_insert()',
	'frappe.get_doc(doctype="AI Invoice", status="Paid").insert()',
	'values = {"doctype": "AI Invoice", "status": status}\nfrappe.get_doc(values).db_insert()',
	'frappe.db.set_value("AI Invoice", name, "status", "Paid")',
	'frappe.db.set_value("AI Invoice", name, {"status": "Paid"})',
	'frappe.db.set_value("AI Invoice", name, field="status", value="Paid")',
	'frappe.db.set_value("AI Invoice", name, field, value)',
	'frappe.db.bulk_update("AI Invoice", {name: {"status": "Paid"}})',
	'frappe.call(method, key="status")',
	'frappe.qb.update(Invoice).set(Invoice.status, "Paid").run()',
	'frappe.qb.update(Invoice).set("status", "Paid").run()',
	'invoice = DocType("AI Invoice")\nfrappe.qb.update(invoice).set(invoice.status, "Paid").run()',
	'invoice = DocType("AI Invoice")\nfrappe.qb.update(invoice).set(invoice["status"], "Paid").run()',
	'invoice = DocType("AI Invoice")\nfrappe.qb.update(invoice).set(self.column, "Paid").run()',
	'frappe.client.set_value("AI Invoice", name, "status", "Paid")',
	'frappe.enqueue("frappe.client.set_value", fieldname="status", value="Paid")',
	"frappe.db.sql(\"UPDATE `tabAI Invoice` SET modified = 1, status = 'Paid' WHERE name = %s\", name)",
	'frappe.db.sql(f"UPDATE `tab{doctype}` SET `status` = %s", status)',
	'frappe.db.sql(f"UPDATE `tab{doctype}` SET {sets} WHERE name = %s", name)',
	'frappe.db.sql("UPDATE `tabAI Invoice` SET " + "status = %s", status)',
	'frappe.db.sql("UPDATE `tab" + doctype + "` SET `status` = %s", status)',
	'frappe.db.sql("UPDATE `tabAI Invoice` SET " + column + " = %s", status)',
	'frappe.db.sql("UPDATE `tab%s` SET status = %%s" % doctype)',
	'frappe.db.sql("UPDATE `tabAI Invoice` SET {} = 1".format(column))',
	'frappe.db.sql(" ".join(["UPDATE `tabAI Invoice`", "SET", "status = 1"]))',
	'statement = "UPDATE `tabAI Invoice` SET "\nstatement += "status = %s"\nfrappe.db.sql(statement, 1)',
	'sets = "status = %s"\nfrappe.db.sql(f"UPDATE `tabAI Invoice` SET {sets}", 1)',
	"frappe.db.sql(\"INSERT INTO `tabAI Invoice` (name, status) VALUES (1, 'Paid')\")",
	"frappe.db.sql(\"REPLACE INTO `tabAI Invoice` (name, status) VALUES (1, 'Paid')\")",
	"frappe.db.sql(\"INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE status = 'Paid'\")",
)
READING = (
	"status = invoice.status",
	'status = row["status"]',
	'frappe.get_all("AI Invoice", {"status": "Paid"}, ["name", "status"])',
	'open_ones = {"status": ("in", OPEN)}\nfrappe.db.exists("AI Invoice", open_ones)',
	'frappe.db.get_value("AI Invoice", name, "status")',
	"frappe.cache.set(key, 0, nx=True)",
	'def f():\n\treturn {"status": invoice.status}',
	'if invoice.status == "Paid":\n\tpass',
	'invoice.record("paid", to_status="Paid")',
	'frappe.db.sql("UPDATE `tabAI Invoice` SET modified = 1 WHERE status = %s", status)',
	'frappe.db.sql("SELECT status FROM `tabAI Invoice`")',
	'invoice = frappe.qb.DocType("AI Invoice")\nfrappe.qb.update(invoice).set(invoice.title, "x").run()',
	'a, b = DocType("AI Invoice"), DocType("User")\nfrappe.qb.update(a).set(a.title, "x").run()',
	'values = {"title": 1}\nfrappe.db.set_value("AI Invoice", name, values)',
	'doc = records.new("AI Invoice")\ndoc.update({"status": "Pending"})\ndoc.add()',
	'frappe.new_doc("AI Invoice").update({"status": "Pending"})',
	'frappe.get_doc({"doctype": "AI Invoice", "status": "Pending"}).insert()',
)


class TestStatusWriters(TestCase):
	@classmethod
	@cache
	def found(cls) -> set[tuple[str, str]]:
		writes = set()
		for path in files():
			name = str(path.relative_to(APP))
			if not name.startswith(("gateways/", "simulator/", "patches/")):
				writes |= {(name, function) for function, _line in status_writes(tree_of(path))}
		return writes

	def test_only_transition_methods_write_a_status(self):
		"""S22."""
		self.assertEqual(self.found() - OTHERS - MOVES, set())

	def test_the_exception_lists_have_no_stale_entry(self):
		self.assertEqual((OTHERS | MOVES) - self.found(), set())

	def test_neither_system_fields_nor_redacted_fields_include_the_status(self):
		redacted = (
			*chain.from_iterable(privacy.TYPED.values()),
			*(field for _doctype, field in privacy.USED),
		)
		self.assertNotIn("status", (*AIInvoice.system_fields, *redacted))

	def test_only_controllers_call_transition_helpers(self):
		outside = [
			f"{path}:{line}"
			for path in files()
			for line in moves(tree_of(path))
			if APP / "ai_billing" not in path.parents
		]
		self.assertEqual(outside, [])

	def test_every_way_to_write_a_status_is_detected(self):
		for text in WAYS_AROUND:
			with self.subTest(text):
				self.assertTrue(status_writes(ast.parse(text)))

	def test_reading_and_initial_values_are_not_reported(self):
		for text in READING:
			with self.subTest(text):
				self.assertEqual(status_writes(ast.parse(text)), [])

	def test_every_way_to_call_a_transition_helper_is_detected(self):
		for text in (
			'doc._move_to("Paid")',
			"move = doc._move_to",
			'getattr(doc, "_move_to")("Paid")',
			"from oropendola_payments.ai_billing.records import move_locked as shift",
			'operator.methodcaller("_swap", "Paid")',
		):
			with self.subTest(text):
				self.assertTrue(list(moves(ast.parse(text))))
