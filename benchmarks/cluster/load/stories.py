"""What customers and a manager do: buy, use, renew, change the plan, get money back, cancel."""

import random
import threading
import time
from contextlib import suppress
from secrets import token_hex

from benchmarks.cluster.load.client import BROKEN, Answer, Client, insist
from benchmarks.cluster.load.messages import Messages
from benchmarks.cluster.load.shop import GATEWAYS, Shop
from oropendola_payments.simulator import Return, Simulator
from oropendola_payments.tests.support.gateway_events import currency_of

OUTCOMES = {"success": 86, "failure": 6, "cancel": 4, "pending": 4}
# What happens after the pay page: the browser returns once, twice, or not at all.
RETURNS = {1: 70, 2: 15, 0: 15}
LATER = {"renew": 20, "change the plan": 25, "refund": 20, "cancel": 15, "leave": 20}
POLL_SECONDS, POLLS = 2, 15
PAID = ("Paid", "Partly Refunded", "Refunded")


class Stories:
	def __init__(self, shop: Shop, simulator: Simulator, client: Client, messages: Messages):
		self.shop, self.simulator, self.client, self.messages = shop, simulator, client, messages
		self.figures = client.figures
		self.allowed: dict[str, tuple[int, int]] = {}  # requests that were allowed, and that may have been
		self.pending: list[tuple[float, str, str]] = []
		self.is_over = threading.Event()
		self._threads: list[threading.Thread] = []

	def start(self, people: int) -> None:
		self._threads = [threading.Thread(target=self._live, daemon=True) for _number in range(people)]
		for thread in self._threads:
			thread.start()

	def finish(self) -> None:
		self.is_over.set()
		for thread in self._threads:
			thread.join()

	def _live(self) -> None:
		while not self.is_over.is_set() and (customer := self.shop.next_customer()):
			self._finish_pending()
			try:
				Customer(self, *customer).live()
			except Exception as error:
				self.figures.count(f"stories that broke off: {type(error).__name__} {error}"[:100])

	def _finish_pending(self) -> None:
		"""Banks decide about payments that were pending for a while."""
		now = time.monotonic()
		for row in [row for row in self.pending if row[0] <= now]:
			with suppress(ValueError):
				self.pending.remove(row)
				self.simulator.finish(row[1], row[2], random.choice(("success", "failure")))


class Customer:
	def __init__(self, stories: Stories, user: str, token: str):
		self.stories, self.user, self.token = stories, user, token
		self.shop, self.simulator = stories.shop, stories.simulator
		self.client, self.figures = stories.client, stories.figures
		self.gateway = random.choice(GATEWAYS)
		self.plans = self.shop.plans[currency_of(self.gateway)]
		self.invoice = ""

	def live(self) -> None:
		self.figures.count("stories")
		if self.subscribe() and self.pay(self.invoice):
			self.use()
			self.act(pick(LATER))

	def ask(self, endpoint: str, **arguments) -> dict:
		return self.client.insist(endpoint, self.token, **arguments)

	def subscribe(self) -> bool:
		made = self.ask("subscription.create_subscription_and_invoice", plan_id=self.plans["Starter"])
		self.invoice = made.get("invoice_id") or self._open_invoice()
		return bool(self.invoice)

	def _open_invoice(self) -> str:
		rows = self.ask("payment.get_pending_invoices").get("invoices") or [{}]
		return rows[0].get("name", "")

	# Paying -------------------------------------------------------------------------------------------

	def pay(self, invoice: str) -> bool:
		"""Pay an invoice at the gateway of this customer, and look at it until the page would say that it is paid."""
		answer = self.ask(
			"payment.initiate_payment",
			invoice_id=invoice,
			gateway=self.gateway,
			idempotency_key=token_hex(8),
		)
		if not answer.get("success"):
			self.figures.count(f"payments not opened: {answer.get('error_code') or 'no answer'}")
			return False
		self._open_page(answer)
		back = self._press_button(answer["attempt"])
		return self._come_back(back, invoice)

	def _open_page(self, answer: dict) -> None:
		if form := answer.get("form"):
			self.simulator.open(form["action"], form["fields"])
		elif answer.get("next_action") == "redirect":
			self.simulator.open(answer["payment_url"])

	def _press_button(self, attempt: str) -> Return | None:
		outcome = pick(OUTCOMES)
		self.figures.count(f"pay page: {outcome} at {self.gateway}")
		if outcome == "pending":
			due = time.monotonic() + random.uniform(5, 30)
			self.stories.pending.append((due, self.gateway, attempt))
		elif outcome == "success":
			self.stories.messages.expect(attempt)
		return self.simulator.pay(self.gateway, attempt, outcome=outcome)

	def _come_back(self, back: Return | None, invoice: str) -> bool:
		times = pick(RETURNS) if back else 0
		self.figures.count(f"browsers that returned {times} times")
		begin = time.perf_counter()
		for _number in range(times):
			page = self._follow(self.client.submit(back.method, back.url, dict(back.fields)))
		if times and self._says_paid(page):
			self.figures.took("from the return to the page that says so", time.perf_counter() - begin)
			return True
		return self._watch(invoice, begin if times == 1 else None)

	def _follow(self, answer: Answer) -> Answer:
		"""The result page. A browser that meets no server is reloaded by its user."""
		address = answer.headers.get("Location")
		if answer.status == BROKEN or not address:
			self.figures.count("returns that broke off")
			return answer
		return self.client.submit("GET", address, {}, self.token)

	@staticmethod
	def _says_paid(page: Answer) -> bool:
		return b'data-view="paid"' in page.body

	def _watch(self, invoice: str, begin: float | None) -> bool:
		"""What the script of the page does."""
		for _number in range(POLLS):
			time.sleep(POLL_SECONDS)
			status = self.client.call("payment.get_payment_status", self.token, invoice_id=invoice).message
			if status.get("status") in PAID:
				if begin:
					self.figures.took("from the return to the page that says so", time.perf_counter() - begin)
				return True
			if status.get("status") in ("Failed", "Cancelled", "Abandoned"):
				break
		return False

	# Afterwards ---------------------------------------------------------------------------------------

	def use(self) -> None:
		key = self.ask("subscription.reveal_api_key").get("api_key")
		if not key:
			return self.figures.count("keys that were not revealed")
		sure = possible = 0
		for _number in range(random.randrange(5, 15)):
			answer = self._use_once(key, token_hex(8))
			sure += answer.status == 200
			possible += answer.status == 200 or answer.is_our_fault
			if answer.status == 401:
				self.figures.count("keys that were refused")
		self.stories.allowed[self.user] = (sure, possible)

	def _use_once(self, key: str, event: str) -> Answer:
		"""Repeated under the same id until it is answered, so it counts once."""
		return insist(
			lambda: self.client.call("usage.consume", self.token, key=key, event_id=event), self.figures
		)

	def act(self, what: str) -> None:
		self.figures.count(f"afterwards: {what}")
		{
			"renew": self.renew,
			"change the plan": self.change_plan,
			"refund": self.get_refund,
			"cancel": self.cancel,
		}.get(what, lambda: None)()

	def renew(self) -> None:
		made = self.ask("subscription_renewal.renew_subscription")
		if invoice := made.get("invoice_id"):
			self.pay(invoice)

	def change_plan(self) -> None:
		plan = self.plans["Pro"]
		quote = self.ask("subscription.preview_plan_change", plan_id=plan).get("quote")
		made = self.ask("subscription.change_plan", plan_id=plan, quote=quote) if quote else {}
		invoice = made.get("invoice_id") or self._open_invoice()
		if invoice and self.pay(invoice):
			self.figures.count("changes of plan that were paid")

	def get_refund(self) -> None:
		amount = random.choice((None, "100.00"))
		arguments = {"invoice_id": self.invoice, "reason": "Benchmark", "idempotency_key": token_hex(8)}
		if amount:
			arguments["amount"] = amount
		answer = self.client.insist("refunds.create_refund", self.shop.manager, **arguments)
		self.figures.count(f"refunds: {answer.get('status') or answer.get('error_code') or 'no answer'}")

	def cancel(self) -> None:
		self.ask("subscription.cancel_subscription", at_period_end=random.choice((0, 1)), reason=None)


def pick(weights: dict):
	return random.choices(list(weights), list(weights.values()))[0]
