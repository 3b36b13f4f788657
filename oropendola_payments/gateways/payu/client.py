"""Calls to PayU's General API, which answers HTTP 200 whatever happened: the outcome is in the body.

https://docs.payu.in/reference/verify_payment_api, /refund_transaction_api and /get_all_refunds_from_transaction_ids_api
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.errors import BadAnswer, CredentialsRefused
from oropendola_payments.gateways.http import read_json
from oropendola_payments.gateways.parsing import entries_in, member
from oropendola_payments.gateways.payu.mapping import refund_entries, text_of
from oropendola_payments.gateways.payu.signature import command_hash, merchant_salt

LABEL = "PayU"
MAX_PAGES = 500
KEYS_REFUSED = re.compile(r"\b(hash|merchant key|invalid key|key is (invalid|incorrect))\b", re.IGNORECASE)
Entity = dict[str, Any]


class Client:
	"""PayU's commands as plain JSON objects; raises CredentialsRefused where the body says that the keys are wrong."""

	def __init__(self, gateway: Gateway):
		self.http = gateway.http
		self.url = f"{gateway.host('api')}/merchant/postservice.php?form=2"
		self.mode = gateway.mode
		self.secrets = gateway.secrets

	def transaction(self, reference: str) -> Any:
		"""What verify_payment says of our reference; no object where the answer does not contain it."""
		return member(self._command("verify_payment", reference), "transaction_details", reference)

	def create_refund(self, payment_id: str, token: str, amount: str) -> Entity:
		return self._command("cancel_refund_transaction", payment_id, var2=token, var3=amount)

	def refunds_of_payment(self, payment_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
		"""The refunds of a payment, each with its token."""
		return refund_entries(self._command("check_action_status", payment_id, var2="payuid"))

	def refunds_of_reference(self, reference: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
		"""The refunds under our reference, each with its token."""
		return refund_entries(self._command("getAllRefundsFromTxnIds", reference))

	def settlements(self, day: date) -> Iterator[Mapping[str, Any]]:
		"""The settlements of a day in India, with their transactions, page by page."""
		for page in range(1, MAX_PAGES + 1):
			answer = self._command(
				"get_settlement_details_range", day.isoformat(), var2=day.isoformat(), var4=str(page)
			)
			found = entries_in(answer.get("result"))
			yield from found
			# How many a page has is not documented; after the last one PayU answers with none.
			if not found:
				return
		raise BadAnswer("PayU's list of settlements does not end.")

	def knows_keys(self) -> bool:
		"""Whether PayU answers a query about a reference that does not exist as it should."""
		answer = self._command("verify_payment", "connectiontest")
		return isinstance(member(answer, "transaction_details"), Mapping)

	def _command(self, command: str, var1: str, **more: str) -> Entity:
		key = self.secrets.get("key_id", "")
		fields = {"key": key, "command": command, "var1": var1, **more}
		fields["hash"] = command_hash(key, command, var1, merchant_salt(self.secrets))
		answer = read_json(self.http.call("POST", self.url, label=LABEL, data=fields), LABEL)
		message = text_of(answer.get("msg"), 300)
		if text_of(answer.get("status")) != "1" and KEYS_REFUSED.search(message):
			raise CredentialsRefused(
				f"PayU refused the Merchant Key or the Merchant Salt ({message}). Please check that both come "
				f"from the same account, in the dashboard's {'live' if self.mode == 'Live' else 'test'} mode."
			)
		return answer
