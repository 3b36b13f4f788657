"""The simulator itself: pages, books, faults, webhooks, its own HTTP calls, and its independence."""

import ast
import json
import sys
import threading
import urllib.error
import urllib.request
from hashlib import sha512
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest import TestCase
from urllib.parse import urlencode

from oropendola_payments.simulator import Delivery, Simulator
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.faults import Faults
from oropendola_payments.simulator.core.ledger import ExceedsRefundable
from oropendola_payments.simulator.core.outbox import Outbox
from oropendola_payments.simulator.core.server import find_providers

HERE = Path(__file__).parent
SALT = "simulator-payu-salt-0001"


def pay_form(reference: str = "A1", **changes) -> dict:
	fields = {
		"key": "SimPyU",
		"txnid": reference,
		"amount": "1499.50",
		"productinfo": "Annual Plan",
		"firstname": "Asha",
		"email": "asha@example.com",
		"phone": "9999900000",
		"surl": "https://shop.example.com/paid",
		"furl": "https://shop.example.com/failed",
		**changes,
	}
	names = ("key", "txnid", "amount", "productinfo", "firstname", "email")
	parts = [*(fields[name] for name in names), *[""] * 10, SALT]
	return {"hash": sha512("|".join(parts).encode()).hexdigest(), **fields}


class SimulatorCase(TestCase):
	def setUp(self):
		self.simulator = Simulator(codes=("payu",)).start()
		self.addCleanup(self.simulator.close)

	def open(self, reference: str = "A1", **changes):
		return self.simulator.open(f"{self.simulator.url}/payu/_payment", pay_form(reference, **changes))

	def pay(self, reference: str = "A1", **how):
		self.open(reference)
		return self.simulator.pay("payu", reference, **how)

	def call(self, path: str, told=None, content_type: str = "application/json"):
		data = None if told is None else json.dumps(told).encode()
		request = urllib.request.Request(self.simulator.url + path, data, {"Content-Type": content_type})
		with urllib.request.urlopen(request, timeout=10) as answer:
			return answer.read().decode()

	def ask_payu(self, command: str = "verify_payment", var1: str = "A1", **more) -> dict:
		digest = sha512(f"SimPyU|{command}|{var1}|{SALT}".encode()).hexdigest()
		fields = {"key": "SimPyU", "command": command, "var1": var1, "hash": digest, **more}
		page = self.simulator.open(f"{self.simulator.url}/payu/merchant/postservice.php?form=2", fields)
		return json.loads(page.text)


class TestPages(SimulatorCase):
	def test_the_pay_page_says_that_no_money_moves_and_has_a_button_for_every_ending(self):
		page = self.open()
		self.assertIn("no real money", page.text)
		self.assertEqual(page.forms[0].buttons, ["success", "failure", "cancel", "pending"])

	def test_what_the_merchant_sent_is_shown_as_text_and_never_run(self):
		page = self.open(phone="1", surl="https://shop.example.com/?a=<script>")
		self.assertNotIn("<script>", page.text)
		back = self.simulator.pay("payu", "A1")
		self.assertEqual(back.url, "https://shop.example.com/?a=<script>")

	def test_card_asks_for_a_code_and_three_wrong_ones_decline(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "card", "outcome": "success"})
		self.assertEqual(page.forms[0].entries, ["otp"])
		for _ in range(3):
			page = self.simulator.open(
				action, {**page.forms[0].fields, "otp": "000000", "outcome": "success"}
			)
		self.assertEqual(page.forms[0].action, "https://shop.example.com/failed")
		self.assertEqual(self.simulator.captures("payu"), [])

	def test_upi_asks_for_approval(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "upi", "outcome": "success"})
		self.assertEqual(page.forms[0].buttons, ["success", "failure", "pending"])
		self.assertEqual(self.simulator.captures("payu"), [])
		self.simulator.pay("payu", "A1", method="upi")
		self.assertEqual(self.simulator.captures("payu")[0].method, "upi")

	def test_the_way_back_is_a_form_with_a_button_that_posts_itself(self):
		self.open()
		action = f"{self.simulator.url}/payu/__pay/{self.simulator.order('payu', 'A1').order_id}"
		page = self.simulator.open(action, {"method": "netbanking", "outcome": "success"})
		self.assertIn("<button>", page.text)
		self.assertIn(".submit()", page.text)

	def test_a_paid_order_and_an_unknown_one_cannot_be_paid(self):
		self.pay()
		self.assertIsNone(self.simulator.pay("payu", "A1"))
		self.assertEqual(len(self.simulator.captures("payu")), 1)
		with self.assertRaisesRegex(LookupError, "no order"):
			self.simulator.pay("payu", "unheard-of")

	def test_the_script_of_bolt_leads_to_the_pay_page(self):
		script = self.call("/payu/bolt/bolt.min.js")
		self.assertIn("window.bolt", script)
		self.assertIn(f'"{self.simulator.url}/payu/_payment"', script)


class TestStrictness(SimulatorCase):
	def test_payu_refuses_what_the_real_page_refuses(self):
		for changes, word in (
			({"hash": "0" * 128}, "E700"),
			({"key": "Other1"}, "key"),
			({"phone": ""}, "phone"),
			({"txnid": "x" * 26}, "txnid"),
			({"firstname": "x" * 21}, "firstname"),
			({"amount": "1,499.50"}, "amount"),
			({"amount": "0"}, "amount"),
		):
			with self.subTest(changes=changes):
				page = self.simulator.open(f"{self.simulator.url}/payu/_payment", pay_form(**changes))
				self.assertEqual(page.status, 400)
				self.assertIn(word, page.text)

	def test_a_question_with_a_wrong_hash_is_refused(self):
		self.assertEqual(self.ask_payu(hash="x"), {"status": 0, "msg": "Invalid Hash."})

	def test_several_transactions_are_answered_at_once(self):
		self.pay("A1")
		self.pay("A2", outcome="pending")
		told = self.ask_payu(var1="A1|A2|A3")["transaction_details"]
		self.assertEqual(
			[told[name]["status"] for name in ("A1", "A2", "A3")], ["success", "pending", "Not Found"]
		)

	def test_a_payment_can_be_asked_by_its_payu_id(self):
		self.pay()
		charge = self.simulator.captures("payu")[0]
		self.assertEqual(
			self.ask_payu("check_payment", charge.payment_id)["transaction_details"]["txnid"], "A1"
		)


class TestLedger(SimulatorCase):
	def test_ids_are_the_same_in_every_run_and_never_given_twice(self):
		self.pay()
		first = self.simulator.captures("payu")[0].payment_id
		self.simulator.reset()
		self.assertEqual(self.simulator.captures("payu"), [])
		self.pay()
		self.assertNotEqual(self.simulator.captures("payu")[0].payment_id, first)
		with Simulator(codes=("payu",)) as other:
			other.open(f"{other.url}/payu/_payment", pay_form())
			other.pay("payu", "A1")
			self.assertEqual(other.captures("payu")[0].payment_id, first)

	def test_what_was_given_back_never_exceeds_what_was_taken(self):
		self.pay()
		ledger = self.simulator.providers["payu"].ledger
		refund = ledger.add_refund(ledger.charges[0], "r1", "k1", 100000)
		with self.assertRaises(ExceedsRefundable):
			ledger.add_refund(ledger.charges[0], "r2", "k2", 49951)
		self.simulator.finish_refund("payu", "k1", "failure")
		ledger.add_refund(ledger.charges[0], "r3", "k3", 149950)
		self.simulator.finish_refund("payu", "k3")
		self.assertEqual(self.simulator.captures("payu")[0].refunded_minor, 149950)
		self.assertEqual(refund.state, "failed")

	def test_a_copy_of_the_books_changes_nothing(self):
		self.pay()
		self.simulator.captures("payu")[0].amount_minor = 1
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 149950)

	def test_a_pending_payment_that_ends_late_is_in_the_books_and_announced(self):
		self.pay(outcome="pending")
		self.assertEqual((self.simulator.captures("payu"), len(self.simulator.webhooks)), ([], 0))
		self.simulator.finish("payu", "A1")
		self.assertEqual((len(self.simulator.captures("payu")), len(self.simulator.webhooks)), (1, 1))

	def test_money_has_the_decimals_of_its_currency(self):
		self.assertEqual(
			(to_minor("8.35", "INR"), to_minor("500", "JPY"), to_minor("5.125", "KWD")), (835, 500, 5125)
		)
		self.assertEqual(
			(to_text(835, "INR"), to_text(500, "JPY"), to_text(5125, "KWD")), ("8.35", "500", "5.125")
		)
		with self.assertRaises(ValueError):
			to_minor("8.355", "INR")


class TestFaults(SimulatorCase):
	def status_of(self, call) -> int:
		try:
			call()
		except urllib.error.HTTPError as error:
			with error:
				return error.code
		except (urllib.error.URLError, ConnectionError):
			return 0
		return 200

	@staticmethod
	def name_of(kind: str) -> str:
		return kind.replace("_", "-")

	def post_status(self, kind: str, **args):
		self.simulator.faults.add("payu", "create", kind, **args)
		body = urlencode(pay_form(self.name_of(kind))).encode()
		request = urllib.request.Request(f"{self.simulator.url}/payu/_payment", body)
		return self.status_of(lambda: urllib.request.urlopen(request, timeout=10).close())

	def test_before_means_nothing_happened_and_after_means_it_did(self):
		for kind, status, happened in (
			("timeout_before", 0, False),
			("timeout_after", 0, True),
			("error_500_before", 500, False),
			("error_500_after", 500, True),
		):
			with self.subTest(kind=kind):
				self.assertEqual(self.post_status(kind), status)
				self.assertEqual(self.simulator.order("payu", self.name_of(kind)) is not None, happened)
				self.assertEqual(self.simulator.faults.waiting(), [])

	def test_a_fault_hits_as_often_as_asked_and_only_its_call(self):
		self.simulator.faults.add("payu", "status", "garbage", times=2)
		self.assertEqual(self.open().status, 200)
		for _ in range(2):
			with self.assertRaises(json.JSONDecodeError):
				self.ask_payu()
		self.assertEqual(self.ask_payu()["status"], 1)

	def test_a_customer_whose_page_dies_has_no_way_back(self):
		self.simulator.faults.add("payu", "pay", "timeout_after")
		self.assertIsNone(self.pay(method="netbanking"))
		self.assertEqual(len(self.simulator.captures("payu")), 1)

	def test_a_wrong_amount_when_paying_is_what_was_really_taken(self):
		self.simulator.faults.add("payu", "pay", "wrong_amount", amount_minor=100)
		self.assertEqual(self.pay().fields["amount"], "1.00")
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 100)

	def test_a_wrong_amount_in_a_message_leaves_the_books_right(self):
		self.simulator.faults.add("payu", "return", "wrong_amount")
		self.assertEqual(self.pay().fields["amount"], "1498.50")
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 149950)

	def test_a_decline_takes_nothing(self):
		self.simulator.faults.add("payu", "pay", "decline")
		self.assertEqual(self.pay().url, "https://shop.example.com/failed")
		self.assertEqual(self.simulator.captures("payu"), [])

	def test_an_unknown_fault_is_refused(self):
		with self.assertRaisesRegex(ValueError, "no fault"):
			self.simulator.faults.add("payu", "pay", "earthquake")


class TestWebhooks(SimulatorCase):
	def deliveries(self, kind: str = "") -> int:
		if kind:
			self.simulator.faults.add("payu", "webhook", kind)
		self.pay()
		return len(self.simulator.webhooks)

	def test_a_webhook_waits_until_a_test_takes_it(self):
		self.simulator.configure(
			"payu", webhook_url="https://shop.example.com/hook", webhook_headers={"X-A": "b"}
		)
		self.assertEqual(self.deliveries(), 1)
		(delivery,) = self.simulator.webhooks.take("payu")
		self.assertEqual((delivery.url, delivery.headers["X-A"]), ("https://shop.example.com/hook", "b"))
		self.assertEqual(len(self.simulator.webhooks), 0)

	def test_webhooks_are_doubled_lost_and_late_on_order(self):
		self.assertEqual(self.deliveries("duplicate_webhook"), 2)
		self.simulator.reset()
		self.assertEqual(self.deliveries("drop_webhook"), 0)
		self.simulator.reset()
		self.assertEqual(self.deliveries("late_webhook"), 0)
		self.simulator.webhooks.release_late()
		self.assertEqual(len(self.simulator.webhooks), 1)

	def test_in_auto_mode_a_thread_posts_and_tries_again_after_an_error(self):
		with Shop(answers=[500, 200]) as shop, Simulator(codes=("payu",), webhooks="auto") as simulator:
			simulator.configure("payu", webhook_url=shop.url)
			simulator.open(f"{simulator.url}/payu/_payment", pay_form())
			simulator.pay("payu", "A1")
			self.assertTrue(shop.answered_all.wait(15))
			self.assertEqual(shop.bodies[0], shop.bodies[1])
			self.assertIn(b"txnid=A1", shop.bodies[0])

	def test_cashflows_repeats_a_webhook_until_both_references_are_echoed_at_top_level(self):
		"""cashflows.md, Webhooks: a body that is empty or wrapped counts as not delivered."""
		echo = {"paymentJobReference": "240101120000000001", "paymentReference": "240101120000000002"}
		wrapped, half = {"message": echo}, {"paymentJobReference": echo["paymentJobReference"]}
		answers = [json.dumps(told).encode() for told in (wrapped, half, [], echo)]
		with Shop(answers=[200] * 5, told=[b"", *answers]) as shop:
			outbox = Outbox(Faults())
			delivery = Delivery("cashflows", shop.url, {}, b"{}", echo)
			self.assertEqual([outbox.deliver(delivery) for _try in range(5)], [0, 0, 0, 0, 200])


class TestOverHttp(SimulatorCase):
	def test_books_faults_settings_and_reset(self):
		self.call("/__config", {"code": "payu", "settings": {"additional_charges": "29.99"}})
		self.call("/__faults", {"code": "payu", "call": "webhook", "kind": "drop_webhook"})
		self.assertEqual(self.pay(outcome="pending").fields["additionalCharges"], "29.99")
		self.call("/__finish", {"code": "payu", "reference": "A1", "outcome": "success"})
		told = json.loads(self.call("/__ledger"))["payu"]
		self.assertEqual((told["charges"][0]["state"], told["orders"][0]["state"]), ("captured", "paid"))
		self.assertEqual(len(self.simulator.webhooks), 0)
		self.assertIn("A1", self.call("/"))
		self.call("/__reset", {})
		self.assertEqual(json.loads(self.call("/__ledger"))["payu"]["charges"], [])

	def test_nonsense_is_refused_and_other_web_pages_cannot_drive_it(self):
		for path, told, kind in (
			("/__faults", {"code": "payu", "call": "x", "kind": "earthquake"}, "application/json"),
			("/__faults", {}, "application/json"),
			("/__config", {"code": "payu", "settings": {"no": 1}}, "application/json"),
			("/__config", {"code": "nobody", "settings": {}}, "application/json"),
			("/__config", [], "application/json"),
			("/__reset", {}, "text/plain"),
		):
			with self.subTest(path=path, told=told), self.assertRaises(urllib.error.HTTPError) as caught:
				self.call(path, told, kind)
			caught.exception.close()
			self.assertIn(caught.exception.code, (400, 415))

	def test_a_closed_simulator_answers_nobody(self):
		url = self.simulator.url
		self.simulator.close()
		with self.assertRaises(OSError):
			urllib.request.urlopen(url, timeout=5)


class TestIndependence(TestCase):
	def test_no_module_shares_code_with_the_adapters(self):
		"""One mistake must not hide another: only this package, the standard library and four libraries."""
		files = sorted(HERE.rglob("*.py"))
		self.assertGreater(len(files), 10)
		allowed = (
			"oropendola_payments.simulator",
			"werkzeug",
			"markupsafe",
			"cryptography",
			"Cryptodome",
			"Crypto",
		)
		for file in files:
			if not file.name.startswith("test_"):
				for module in self.foreign_imports(file):
					with self.subTest(file=file.name, module=module):
						self.assertTrue(module.startswith(allowed))

	@staticmethod
	def foreign_imports(file: Path) -> list[str]:
		found = []
		for node in ast.walk(ast.parse(file.read_text())):
			if isinstance(node, ast.ImportFrom):
				found.append("." if node.level else node.module)
			elif isinstance(node, ast.Import):
				found += [alias.name for alias in node.names]
		return [name for name in found if name.split(".")[0] not in sys.stdlib_module_names]

	def test_every_provider_is_found_in_the_folder_of_its_code(self):
		for kind in find_providers():
			with self.subTest(kind=kind):
				self.assertEqual(
					kind.__module__, f"oropendola_payments.simulator.providers.{kind.code}.provider"
				)


class Shop:
	"""A site that answers its webhooks with the given statuses, one after the other."""

	def __init__(self, answers: list[int], told: list[bytes] | None = None):
		self.bodies: list[bytes] = []
		self.answered_all = threading.Event()
		shop = self

		class Handler(BaseHTTPRequestHandler):
			def do_POST(self):
				shop.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
				self.send_response(answers[len(shop.bodies) - 1])
				self.end_headers()
				self.wfile.write(told[len(shop.bodies) - 1] if told else b"")
				if len(shop.bodies) == len(answers):
					shop.answered_all.set()

			def log_message(self, *args):
				pass

		self.server = HTTPServer(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

	def __enter__(self):
		threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
		return self

	def __exit__(self, *error):
		self.server.shutdown()
		self.server.server_close()
