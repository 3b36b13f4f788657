"""The JSON that the Indian e-invoice portal takes for bulk upload (schema INV-01, version 1.1). It is not sent anywhere."""

from datetime import date
from decimal import Decimal

from frappe import _

from oropendola_payments.engine.exports.gstr1 import Row
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.money import to_decimal

VERSION = "1.1"
ABROAD, ABROAD_PIN = "96", 999999
SUPPLY_TYPES = ("SEZWP", "SEZWOP", "EXPWP", "EXPWOP")


def needs_one(facts: dict) -> bool:
	"""Return whether a document may be reported: sales to registered buyers, to SEZ and abroad, never to Indian consumers."""
	row = Row(facts)
	return facts["registration_country"] == "IN" and (bool(row.gstin) or row.table == "exp")


def bulk(documents: list[dict]) -> list[dict]:
	return [invoice_json(facts) for facts in documents if needs_one(facts)]


def invoice_json(facts: dict) -> dict:
	row = Row(facts)
	if not needs_one(facts):
		raise Unprocessable(_("{0} is no document for the e-invoice portal.").format(row.number))
	supply = next((code for code in SUPPLY_TYPES if code in row.codes), "B2B")
	content = {
		"Version": VERSION,
		"TranDtls": {"TaxSch": "GST", "SupTyp": supply, "RegRev": "N"},
		"DocDtls": {
			"Typ": "CRN" if row.is_note else "INV",
			"No": row.number,
			"Dt": _day(facts["issue_date"]),
		},
		"SellerDtls": _seller(facts["seller"]),
		"BuyerDtls": _buyer(row),
		"ItemList": [_item(row)],
		"ValDtls": _values(row),
	}
	if row.is_note:
		original = facts["original"]
		content["RefDtls"] = {"PrecDocDtls": [{"InvNo": original["number"], "InvDt": _day(original["date"])}]}
	if row.table == "exp":
		country = facts["buyer"]["more"].get("country_code") or ""
		content["ExpDtls"] = {"CntCode": country, "ForCur": facts["currency"]}
	return content


def _seller(seller: dict) -> dict:
	*street, last = seller["address"] or [""]
	return {
		"Gstin": seller["tax_id"],
		"LglNm": seller["name"],
		"Addr1": (street or [last])[0],
		"Loc": last,
		"Pin": _pin(" ".join(seller["address"])),
		"Stcd": seller["tax_id"][:2],
	}


def _buyer(row: Row) -> dict:
	buyer, is_abroad = row.facts["buyer"], row.table == "exp"
	return {
		"Gstin": "URP" if is_abroad else row.gstin,
		"LglNm": buyer["name"],
		"Pos": ABROAD if is_abroad else row.place[:2],
		"Addr1": (buyer["address"] or [buyer["name"]])[0],
		"Loc": buyer["more"].get("city") or buyer["country"],
		"Pin": ABROAD_PIN if is_abroad else _pin(buyer["more"].get("pincode") or ""),
		"Stcd": ABROAD if is_abroad else row.gstin[:2],
	}


def _item(row: Row) -> dict:
	line = row.facts["lines"][0]
	return {
		"SlNo": "1",
		"PrdDesc": line["description"][:300],
		"IsServc": "Y",
		"HsnCd": line["code"],
		"Qty": 1,
		"UnitPrice": _number(row.net),
		"TotAmt": _number(row.net),
		"AssAmt": _number(row.net),
		"GstRt": _number(row.rate),
		"IgstAmt": _number(row.head("igst")),
		"CgstAmt": _number(row.head("cgst")),
		"SgstAmt": _number(row.head("sgst")),
		"TotItemVal": _number(_gst_value(row)),
	}


def _values(row: Row) -> dict:
	values = {
		"AssVal": _number(row.net),
		"CgstVal": _number(row.head("cgst")),
		"SgstVal": _number(row.head("sgst")),
		"IgstVal": _number(row.head("igst")),
		"RndOffAmt": 0,
		"TotInvVal": _number(_gst_value(row)),
	}
	if row.facts["home"]:
		values["TotInvValFc"] = _number(to_decimal(row.facts["total"]))
	return values


def _gst_value(row: Row) -> Decimal:
	"""Return the value without the VAT of another country, which the portal knows nothing of."""
	return row.net + row.head("igst") + row.head("cgst") + row.head("sgst")


def _number(amount: Decimal) -> float:
	"""JSON of the portal has numbers; two decimals survive as a float."""
	return float(amount)


def _pin(text: str) -> int:
	"""Return the six digits of an Indian PIN code in an address, or 0 if there are none: the portal then says what is missing."""
	digits = [word for word in text.replace(",", " ").split() if word.isdigit() and len(word) == 6]
	return int(digits[-1]) if digits else 0


def _day(text: str) -> str:
	return date.fromisoformat(text).strftime("%d/%m/%Y")
