"""Frappe's rules for apps hold in all our code. Each exception is listed here with its reason."""

import ast
import json

from oropendola_payments import hooks
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.frappe_rules import RULES, Module
from oropendola_payments.tests.support.source import APP, files, tree_of

CLAIM = "what was decided is on record before somebody outside is called"
OURS = "a record that the system keeps, whoever causes it"
SETUP = "an administrator installs or removes the app"
CONSTANT = "the texts are constants that stand in translations"
ALLOWED = {
	"only named modules commit": {
		"compat.py": "how a commit is said in each version",
		"api/callbacks.py": "the Error Log of a return that failed must outlive it",
		"engine/checkout/open_at_gateway.py": CLAIM,
		"engine/checkout/submit_otp.py": CLAIM,
		"engine/core/batch.py": "a sweep commits each record by itself",
		"engine/core/transactions.py": "this is where transactions are made",
		"engine/inbound/abandonment.py": "a sweep commits each batch by itself",
		"engine/inbound/capture.py": CLAIM,
		"engine/inbound/inbox.py": "a message is stored before it is worked on",
		"engine/jobs/payment_jobs.py": "a sweep commits each batch by itself",
		"engine/payouts/fetch.py": "no transaction is open while a gateway tells its payouts",
		"engine/monitoring/alert_rules.py": "the Error Log of a rule that failed must outlive it",
		"engine/phone/sms.py": "the Error Log of a message that failed must outlive the refusal",
	},
	"only named modules ignore permissions": {
		"engine/documents/rendering.py": OURS,
		"engine/monitoring/alerts.py": OURS,
		"engine/notifications/templates.py": SETUP,
		"engine/subscriptions/invoicing.py": OURS,
		"engine/subscriptions/lifecycle.py": OURS,
		"engine/top_ups/buy.py": OURS,
		"install.py": SETUP,
		"integrations/payments_app/link.py": "an invoice of ours for whoever submits a document of another app",
		"integrations/payments_app/owner.py": SETUP,
	},
	"only named modules translate variables": {
		"ai_billing/doctype/payment_gateway_settings/payment_gateway_settings.py": CONSTANT,
		"ai_billing/formatting.py": "the function is named `translated`, and passes a text on",
		"ai_billing/payment_methods.py": CONSTANT,
		"ai_billing/records.py": "the status of a record, as a Select lists it",
		"ai_billing/tax_ids.py": "the states of India",
		"ai_billing/report/reconciliation_differences/reconciliation_differences.py": CONSTANT,
		"ai_billing/report/subscriptions_and_mrr/subscriptions_and_mrr.py": CONSTANT,
		"engine/core/transactions.py": CONSTANT,
		"engine/gateway/call.py": "labels of credentials, which adapters declare",
		"engine/settlement/disputes.py": "the state of a dispute, as a Select lists it",
		"web/words.py": CONSTANT,
	},
	"no monkey patching": {
		"gateways/stripe/client.py": "the switch for telemetry that Stripe documents",
	},
}


class TestFrappeRules(TestCase):
	maxDiff = None

	def test_no_code_breaks_a_rule_without_a_documented_exception(self):
		faults = []
		for path in files():
			module, name = Module(tree_of(path)), str(path.relative_to(APP))
			faults += [
				f"{name}:{node.lineno} in {module.owner.get(node) or 'the module'}: {ast.unparse(node)[:80]} -- {rule.name}"
				for rule in RULES
				if name not in ALLOWED.get(rule.name, {})
				for node in rule.find(module)
			]
		self.assertEqual(faults, [])

	def test_no_documented_exception_is_stale(self):
		rules = {rule.name: rule for rule in RULES}
		stale = [
			f"{name}: {place}"
			for name, places in ALLOWED.items()
			for place in places
			if not (APP / place).exists() or not list(rules[name].find(Module(tree_of(APP / place))))
		]
		self.assertEqual(stale, [])

	def test_every_rule_finds_its_bad_example_and_accepts_its_good_one(self):
		for rule in RULES:
			with self.subTest(rule.name):
				self.assertTrue(list(rule.find(Module(ast.parse(rule.bad)))), rule.bad)
				self.assertEqual(list(rule.find(Module(ast.parse(rule.good)))), [], rule.good)

	def test_every_kind_of_broken_text_is_found(self):
		rule = next(rule for rule in RULES if rule.name.startswith("translated texts are whole"))
		for line in rule.bad.splitlines():
			self.assertTrue(list(rule.find(Module(ast.parse(line)))), line)

	def test_the_role_all_may_only_read_and_print_records_with_permission_hooks(self):
		for path in APP.glob("ai_billing/doctype/*/*.json"):
			definition = json.loads(path.read_text(encoding="utf-8"))
			for permission in definition["permissions"]:
				self.assertNotEqual(permission["role"], "Guest", path)
				if permission["role"] == "All":
					self.assertLessEqual(set(permission), {"role", "read", "print"}, path)
					for hook in (hooks.permission_query_conditions, hooks.has_permission):
						self.assertIn(definition["name"], hook)
