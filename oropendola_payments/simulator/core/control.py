"""The simulator's own HTTP endpoints: an overview page, the ledger, and what a test or an operator can change."""

import json
from contextlib import contextmanager

from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import pages
from oropendola_payments.simulator.core.amounts import to_text

SHOWN_PER_PROVIDER = 20


class Control:
	def __init__(self, simulator):
		self.simulator = simulator

	def routes(self) -> list[tuple]:
		return [
			("GET", "/", self.overview),
			("GET", "/__ledger", self.show_ledger),
			("POST", "/__faults", self.add_fault),
			("POST", "/__reset", self.reset),
			("POST", "/__config", self.configure),
			("POST", "/__finish", self.finish),
			("POST", "/__settle", self.settle),
			("GET", "/__approve/<code>/<reference>", self.approve),
		]

	def overview(self, request: Request) -> Response:
		rows = []
		for provider in self.simulator.providers.values():
			for charge in self.simulator.charges(provider.code)[-SHOWN_PER_PROVIDER:]:
				amount = f"{charge.currency} {to_text(charge.amount_minor, charge.currency)}"
				refunded = to_text(charge.refunded_minor, charge.currency)
				rows.append(
					(provider.label, charge.reference, charge.payment_id, amount, charge.state, refunded)
				)
		headings = ("Provider", "Reference", "Payment", "Amount", "State", "Refunded")
		labels = ", ".join(provider.label for provider in self.simulator.providers.values())
		intro = Markup("<p>Simulated providers: {}. Recent payments:</p>").format(labels)
		html = pages.layout("payment providers", "Payment simulator", intro + pages.table(headings, rows))
		return Response(html, content_type="text/html; charset=utf-8")

	def show_ledger(self, request: Request) -> Response:
		ledgers = {code: provider.ledger.as_dict() for code, provider in self.simulator.providers.items()}
		return Response(json.dumps(ledgers, default=str), content_type="application/json")

	def add_fault(self, request: Request) -> Response:
		body = _json_object(request)
		with _invalid_input_is_a_bad_request():
			self.simulator.faults.add(
				body["code"], body["call"], body["kind"], body.get("times", 1), **body.get("args", {})
			)
		return _ok()

	def configure(self, request: Request) -> Response:
		body = _json_object(request)
		with _invalid_input_is_a_bad_request():
			self.simulator.configure(body["code"], **body["settings"])
		return _ok()

	def finish(self, request: Request) -> Response:
		body = _json_object(request)
		with _invalid_input_is_a_bad_request():
			self.simulator.finish(body["code"], body["reference"], body.get("outcome", "success"))
		return _ok()

	def settle(self, request: Request) -> Response:
		"""Let a gateway pay out what it took; answers with where its reports can be downloaded."""
		with _invalid_input_is_a_bad_request():
			code = _json_object(request)["code"]
			payouts = self.simulator.settle(code)
		provider = self.simulator.provider(code)
		made = [
			{
				"payout": payout.payout_id,
				"currency": payout.currency,
				"amount": to_text(payout.minor, payout.currency),
				"report": provider.url(f"/__payouts/{payout.payout_id}.csv"),
			}
			for payout in payouts
		]
		return Response(json.dumps({"ok": True, "payouts": made}), content_type="application/json")

	def approve(self, request: Request, code: str, reference: str) -> Response:
		"""Leads to the page on which the payer approves or declines the pending payment with our reference."""
		with _invalid_input_is_a_bad_request():
			url = self.simulator.approval_url(code, reference)
		if url:
			return Response("", 303, {"Location": url})
		html = pages.message_page(
			"payment providers", "Nothing to approve", "No payment waits for an approval."
		)
		return Response(html, 404, content_type="text/html; charset=utf-8")

	def reset(self, request: Request) -> Response:
		_json_object(request)
		self.simulator.reset()
		return _ok()


def _json_object(request: Request) -> dict:
	# A page of another site cannot send this content type, so it cannot control the simulator.
	body = request.get_json()
	if not isinstance(body, dict):
		raise BadRequest("Please send a JSON object.")
	return body


@contextmanager
def _invalid_input_is_a_bad_request():
	try:
		yield
	except (LookupError, TypeError, ValueError) as error:
		raise BadRequest(str(error)) from error


def _ok() -> Response:
	return Response('{"ok": true}', content_type="application/json")
