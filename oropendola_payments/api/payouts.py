"""Payouts, for managers: fetch them, import a report, compare them with our records, accept a difference."""

import json
from datetime import date
from decimal import Decimal
from typing import BinaryIO

import frappe
from frappe import _
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.api import contract, endpoint, require_manager
from oropendola_payments.api.answers import payouts as answers
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.payouts import differences, imports, reconcile, record
from oropendola_payments.engine.payouts import fetch as fetching
from oropendola_payments.exceptions import BadRequest, NotFound
from oropendola_payments.gateways.payouts import Payout
from oropendola_payments.money import to_minor

LONGEST_MAPPING = 20_000


@endpoint(methods=("POST",), source="Desk", answer=answers.FetchedPayouts, errors=contract.GATEWAY)
def fetch(gateway: str) -> dict:
	"""Fetch what a gateway paid out since the last time, from its API."""
	require_manager()
	return fetching.fetch(gateway)


@endpoint(methods=("POST",), source="Desk", answer=answers.PreviewedFile)
def preview_file(
	gateway: str,
	payout_id: str | None = None,
	paid_on: str | None = None,
	amount: Decimal | None = None,
	currency: Currency | None = None,
) -> dict:
	"""Return what the uploaded report would record, its first lines and its problems. Nothing is recorded."""
	require_manager()
	payout = _one_payout(gateway, payout_id, paid_on, amount, currency)
	return imports.preview(gateway, _uploaded(), _columns(), payout)


@endpoint(methods=("POST",), source="Desk", answer=answers.ImportedPayouts)
def import_file(
	gateway: str,
	payout_id: str | None = None,
	paid_on: str | None = None,
	amount: Decimal | None = None,
	currency: Currency | None = None,
) -> dict:
	"""Record the payouts of the uploaded report: all of it or, if one row cannot be read, nothing."""
	require_manager()
	payout = _one_payout(gateway, payout_id, paid_on, amount, currency)
	return imports.import_file(gateway, _uploaded(), _columns(), payout)


@endpoint(methods=("POST",), source="Desk", answer=answers.CheckedPayout)
def check(payout: str) -> dict:
	"""Compare a payout with our records again."""
	require_manager()
	if not frappe.db.exists("Payment Payout", payout):
		raise NotFound(_("There is no payout {0}.").format(payout))
	reconcile.check(payout)
	open_ones = frappe.db.count("Payment Payout Difference", {"payout": payout, "status": "Open"})
	status = frappe.db.get_value("Payment Payout", payout, "status")
	return {"payout": payout, "status": status, "open_differences": cint(open_ones)}


@endpoint(methods=("POST",), source="Desk", answer=answers.ReopenedPayout)
def reopen(payout: str, reason: str) -> dict:
	"""Let the next report replace a balanced payout, for one that the gateway corrected."""
	require_manager()
	reopened = record.reopen(payout, reason)
	differences.update("Does Not Add Up", payout)
	return reopened


@endpoint(methods=("POST",), source="Desk", answer=answers.AcceptedDifference)
def accept_difference(difference: str, reason: str) -> dict:
	"""Accept a difference that has an explanation. It opens again when its amounts change."""
	require_manager()
	return differences.accept(difference, reason)


def _uploaded() -> BinaryIO:
	"""The report, which is read from the request and never stored."""
	request = getattr(frappe.local, "request", None)
	file = request.files.get("file") if request else None
	if file is None:
		raise BadRequest(_("Please send the report as a file (multipart/form-data, field file)."))
	return file.stream


def _columns() -> dict | None:
	"""The mapping that the caller chose, as JSON; None for the saved one."""
	text = frappe.form_dict.get("columns")
	if not text:
		return None
	try:
		columns = json.loads(text) if isinstance(text, str) and len(text) <= LONGEST_MAPPING else None
	except ValueError:
		columns = None
	is_flat = isinstance(columns, dict) and all(
		isinstance(value, str | int | None) for value in columns.values()
	)
	if not is_flat:
		raise BadRequest(_("The mapping must be a JSON object of texts."))
	return columns


def _one_payout(
	gateway: str, payout_id: str | None, paid_on: str | None, amount: Decimal | None, currency: str | None
) -> Payout | None:
	"""What the caller says about a file that is one payout."""
	cls = adapter_class(gateway)
	if not payout_id:
		return None
	code = currency or cls.payout_file.currency or None
	if amount is not None and not code:
		raise BadRequest(_("Please name the currency of the amount."))
	try:
		minor = to_minor(amount, code, cls.exponents.get(code)) if amount is not None and code else None
	except ValueError as error:
		raise BadRequest(str(error)) from None
	return Payout(payout_id, code, minor, _day(paid_on))


def _day(text: str | None) -> date | None:
	try:
		return getdate(text) if text else None
	except (ValueError, frappe.ValidationError):
		raise BadRequest(_("The date must look like 2026-11-30.")) from None
