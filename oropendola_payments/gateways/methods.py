"""Payment methods under the same names at every gateway: in lists, answers, records, filters and texts."""

from collections.abc import Mapping

# Each has a label for customers in LABELS of ai_billing/payment_methods.py.
METHODS = ("card", "upi", "netbanking", "wallet", "emi", "paylater", "paypal", "bank")
MANUAL = "manual"  # a bank transfer or cash that a manager recorded
OTHER = "other"  # the provider names a method that we do not know
# What several providers call them, in lowercase.
WORDS: Mapping[str, str] = {
	"credit_card": "card",
	"debit_card": "card",
	"prepaid_card": "card",
	"net_banking": "netbanking",
	"cardless_emi": "emi",
	"pay_later": "paylater",
	"bank_transfer": "bank",
}


def common_method(word: str | None, words: Mapping[str, str] | None = None) -> str | None:
	"""Our name of a method that a provider names; `words` are the provider's own. None if it names none."""
	if not word:
		return None
	name = word.lower()
	known = (words or {}).get(name) or WORDS.get(name)
	return known or (name if name in METHODS else OTHER)
