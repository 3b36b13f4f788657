"""What customers and managers see of the parts of an invoice."""

from decimal import Decimal

from oropendola_payments.ai_billing.doctype.ai_instalment_plan.ai_instalment_plan import AIInstalmentPlan
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_invoice_part.ai_invoice_part import AIInvoicePart
from oropendola_payments.engine.parts import choose, rules
from oropendola_payments.engine.parts.schedule import rows_of
from oropendola_payments.money import from_minor


def overview(invoice: AIInvoice) -> dict:
	"""Return the parts of an invoice, the amounts that may be paid now, and the instalment plans to choose from."""
	parts = [_part(row) for row in rows_of(invoice.name)] if invoice.instalment_plan else []
	return {
		"invoice_id": invoice.name,
		"status": invoice.status,
		"currency": invoice.currency,
		"total_amount": invoice.total(),
		"amount_paid": invoice.paid(),
		"outstanding_amount": invoice.outstanding(),
		"service": invoice.part_service or "Full",
		"covered_days": invoice.covered_days or 0,
		"covered_until": invoice.period_end if invoice.covered_days else None,
		"instalment_plan": invoice.instalment_plan or None,
		"parts": parts,
		"allowed": _allowed(invoice),
		"instalment_plans": [_offer(invoice, plan) for plan in choose.offered_plans(invoice)],
	}


def _part(row: AIInvoicePart) -> dict:
	return {
		"number": row.idx,
		"amount": row.total(),
		"tax": row.tax_share,
		"paid_amount": row.total() - row.left(),
		"due_on": row.due_on,
		"paid_on": row.paid_on,
		"covers_days": row.covers_days,
	}


def _allowed(invoice: AIInvoice) -> dict | None:
	if invoice.status not in OPEN:
		return None
	allowed = rules.allowed_amounts(invoice)

	def shown(minor: int) -> Decimal:
		return from_minor(minor, invoice.currency)

	return {
		"amounts": [shown(step) for step in dict.fromkeys((*allowed.steps, allowed.due))],
		"minimum": shown(allowed.least) if allowed.least else None,
		"maximum": shown(allowed.most) if allowed.least else None,
	}


def _offer(invoice: AIInvoice, plan: AIInstalmentPlan) -> dict:
	parts = choose.planned_parts(invoice, plan)
	return {
		"instalment_plan": plan.name,
		"service": plan.service,
		"parts": [{name: part[name] for name in ("amount", "due_on", "covers_days")} for part in parts],
	}
