"""What the simulated gateway recorded: orders, charges and refunds. One `Ledger` per provider.

Tests compare a ledger with the records of the site, so the code under test computes nothing here.
"""

import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime

OPEN, PAID, FAILED, CANCELLED, EXPIRED = "open", "paid", "failed", "cancelled", "expired"
PENDING, AUTHORIZED, CAPTURED, VOIDED = "pending", "authorized", "captured", "voided"
REFUND_PENDING, REFUNDED, REFUND_FAILED = "pending", "refunded", "failed"


class ExceedsRefundable(ValueError):
	"""The refund is larger than what is left of the charge."""


@dataclass
class Order:
	"""What the merchant asked the customer to pay. `reference` is the merchant's, `order_id` the provider's."""

	code: str
	reference: str
	order_id: str
	amount_minor: int
	currency: str
	state: str = OPEN  # open, paid, failed, cancelled, expired
	created_at: datetime | None = None
	fields: dict = field(default_factory=dict)  # whatever else the provider keeps


@dataclass
class Charge:
	"""One attempt to pay an order. A captured charge took money, even when it was refunded later."""

	code: str
	reference: str
	order_id: str
	payment_id: str
	amount_minor: int
	currency: str
	state: str  # pending, authorized, captured, failed, voided
	refunded_minor: int = 0
	method: str = "card"
	created_at: datetime | None = None
	fields: dict = field(default_factory=dict)


@dataclass
class Refund:
	code: str
	refund_id: str
	payment_id: str
	reference: str
	key: str  # the merchant's own key for this refund
	amount_minor: int
	currency: str
	state: str  # pending, refunded, failed
	created_at: datetime | None = None
	fields: dict = field(default_factory=dict)


class Ledger:
	"""All records of one provider. The server holds `lock` while a handler runs, so handlers need not take it."""

	def __init__(self, code: str, clock, first_number: int = 1):
		self.code = code
		self.clock = clock
		self.lock = threading.RLock()
		self.orders: list[Order] = []
		self.charges: list[Charge] = []
		self.refunds: list[Refund] = []
		self._next_number = first_number

	def next_number(self) -> int:
		"""The next number of a counter: ids that are built from it are the same in every run."""
		with self.lock:
			self._next_number += 1
			return self._next_number - 1

	def add_order(self, reference: str, order_id: str, amount_minor: int, currency: str, **fields) -> Order:
		order = Order(self.code, reference, order_id, amount_minor, currency, fields=fields)
		order.created_at = self.clock.now()
		with self.lock:
			self.orders.append(order)
		return order

	def find_order(self, order_id: str) -> Order | None:
		return self._newest(self.orders, order_id=order_id)

	def find_order_by_reference(self, reference: str) -> Order | None:
		"""The newest order with this reference of the merchant."""
		return self._newest(self.orders, reference=reference)

	def add_charge(self, order: Order, payment_id: str, state: str, **values) -> Charge:
		"""Record an attempt to pay; amount and currency are those of the order unless given."""
		values = {"amount_minor": order.amount_minor, "currency": order.currency, **values}
		charge = Charge(self.code, order.reference, order.order_id, payment_id, state=state, **values)
		charge.created_at = self.clock.now()
		with self.lock:
			self.charges.append(charge)
			self.set_charge_state(charge, state)
		return charge

	def set_charge_state(self, charge: Charge, state: str) -> None:
		"""Change the state of a charge, and mark its order as paid when the charge is captured."""
		with self.lock:
			charge.state = state
			order = self.find_order(charge.order_id)
			if order and state == CAPTURED:
				order.state = PAID

	def find_charge(self, payment_id: str) -> Charge | None:
		return self._newest(self.charges, payment_id=payment_id)

	def charges_of(self, order: Order) -> list[Charge]:
		with self.lock:
			return [charge for charge in self.charges if charge.order_id == order.order_id]

	def refundable(self, charge: Charge) -> int:
		"""The minor units that can still be refunded; a pending refund reserves its amount."""
		reserved = [r.amount_minor for r in self.refunds_of(charge) if r.state != REFUND_FAILED]
		return charge.amount_minor - sum(reserved) if charge.state == CAPTURED else 0

	def add_refund(self, charge: Charge, refund_id: str, key: str, amount_minor: int, **values) -> Refund:
		"""Record a refund, pending unless `state` is given; ExceedsRefundable when it is more than what is left."""
		with self.lock:
			if not 0 < amount_minor <= self.refundable(charge):
				raise ExceedsRefundable(f"{amount_minor} requested, {self.refundable(charge)} left")
			return self._insert_refund(charge, refund_id, key, amount_minor, values)

	def return_hold(self, charge: Charge, refund_id: str, **values) -> Refund:
		"""Record that the provider gave back a hold that was never captured. No merchant asked for this refund."""
		with self.lock:
			self.set_charge_state(charge, VOIDED)
			return self._insert_refund(
				charge, refund_id, "", charge.amount_minor, {"state": REFUNDED, **values}
			)

	def _insert_refund(
		self, charge: Charge, refund_id: str, key: str, amount_minor: int, values: dict
	) -> Refund:
		values = {"currency": charge.currency, "state": REFUND_PENDING, **values}
		refund = Refund(
			self.code, refund_id, charge.payment_id, charge.reference, key, amount_minor, **values
		)
		refund.created_at = self.clock.now()
		self.refunds.append(refund)
		self.set_refund_state(refund, refund.state)
		return refund

	def set_refund_state(self, refund: Refund, state: str) -> None:
		with self.lock:
			refund.state = state
			charge = self.find_charge(refund.payment_id)
			refunded = [r.amount_minor for r in self.refunds_of(charge) if r.state == REFUNDED]
			charge.refunded_minor = sum(refunded)

	def refunds_of(self, charge: Charge) -> list[Refund]:
		with self.lock:
			return [refund for refund in self.refunds if refund.payment_id == charge.payment_id]

	def find_refund(self, **wanted) -> Refund | None:
		"""The newest refund with these values, such as `find_refund(key="RF1")`."""
		return self._newest(self.refunds, **wanted)

	def clear(self) -> None:
		"""Delete all records, but keep the counter: no id is used twice."""
		with self.lock:
			for records in (self.orders, self.charges, self.refunds):
				records.clear()

	def as_dict(self) -> dict:
		with self.lock:
			return {
				"orders": [asdict(order) for order in self.orders],
				"charges": [asdict(charge) for charge in self.charges],
				"refunds": [asdict(refund) for refund in self.refunds],
			}

	def _newest(self, records: list, **wanted):
		with self.lock:
			for record in reversed(records):
				if all(getattr(record, name) == value for name, value in wanted.items()):
					return record
		return None
