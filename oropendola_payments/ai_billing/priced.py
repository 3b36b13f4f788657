"""What has a price, and further prices in other currencies: plans and packs of credits."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.model.document import Document

from oropendola_payments.ai_billing import formatting
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.money import to_decimal, to_minor


class Priced(Document):
	if TYPE_CHECKING:
		currency: str
		price: float | Decimal
		prices: Any

	def shown_name(self) -> str:
		"""Return the name that customers see."""
		raise NotImplementedError

	def validate_prices(self) -> None:
		seen = {self.currency}
		for row in self.prices:
			if row.currency in seen:
				frappe.throw(
					_("There are two prices in {0}. Please remove one of them.").format(row.currency)
				)
			seen.add(row.currency)
			if to_decimal(row.price or 0) <= 0:
				frappe.throw(_("Please enter a price greater than 0 in {0}.").format(row.currency))
		for currency, price in self.all_prices().items():
			self._validate_decimals(price, currency)

	def _validate_decimals(self, price: Decimal, currency: str) -> None:
		try:
			to_minor(price, currency)
		except ValueError:
			shown = formatting.exact_money(price, currency)
			frappe.throw(_("{0} has too many decimal places for {1}.").format(shown, currency))

	def all_prices(self) -> dict[str, Decimal]:
		"""Return the prices by currency, its own currency first."""
		further = {row.currency: to_decimal(row.price or 0) for row in self.prices}
		return {self.currency: to_decimal(self.price or 0), **further}

	def price_in(self, currency: str | None) -> tuple[Decimal, str]:
		"""Return the price and its currency. A currency without a price is refused, never converted."""
		prices = self.all_prices()
		currency = (currency or self.currency).upper()
		if currency not in prices:
			message = _("{0} has no price in {1}. Please choose one of: {2}.")
			frappe.throw(message.format(self.shown_name(), currency, ", ".join(prices)), BadRequest)
		return prices[currency], currency
