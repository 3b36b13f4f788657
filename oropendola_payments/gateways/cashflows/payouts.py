"""Cashflows describes neither an API nor the columns of its remittance report in public: an administrator names them."""

from oropendola_payments.gateways.payouts import FileMapping

FILE = FileMapping(kinds={"sale": "Capture", "refund": "Refund", "chargeback": "Dispute", "*": "Adjustment"})
