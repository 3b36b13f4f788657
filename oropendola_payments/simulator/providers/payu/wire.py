"""PayU's wire format: its field limits and statuses, the stand-in of its script, and how it hashes and writes times."""

import re
from datetime import datetime, timedelta, timezone
from hashlib import sha512

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge

REQUIRED = ("key", "txnid", "amount", "productinfo", "firstname", "email", "phone", "surl", "furl", "hash")
LIMITS = {
	"txnid": 25,
	"productinfo": 100,
	"firstname": 20,
	"lastname": 20,
	"email": 50,
	"phone": 50,
	"curl": 50,
	"address1": 100,
	**{f"udf{number}": 255 for number in range(1, 6)},
}
ECHOED = ("productinfo", "firstname", "lastname", "email", "phone", "address1", "city", "state", "country")
UDFS = tuple(f"udf{number}" for number in range(1, 11))
MODES = {"card": "CC", "upi": "UPI", "netbanking": "NB"}
STATUSES = {ledger.CAPTURED: "success", ledger.FAILED: "failure", ledger.PENDING: "pending"}
UNMAPPED = {ledger.CAPTURED: "captured", ledger.FAILED: "failed", ledger.PENDING: "in progress"}
REFUND_STATUSES = {
	ledger.REFUND_PENDING: "queued",
	ledger.REFUNDED: "success",
	ledger.REFUND_FAILED: "failure",
}
DISPUTE_STATUSES = {
	"open": "Pending Response",
	"won": "Closed in Merchant Favour",
	"lost": "Closed Customer Favour",
}
AMOUNT = re.compile(r"\d{1,9}(\.\d{1,2})?")
TXNID = re.compile(r"[A-Za-z0-9-]+")
INDIA = timezone(timedelta(hours=5, minutes=30))
BOLT_SCRIPT = """// A stand-in of PayU's Bolt script: the same call and responses, with the pay page of the simulator in a frame.
(function () {
%(embedded)s
	function finish(handlers, fields) {
		var closed = fields.unmappedstatus === "userCancelled";
		handlers.responseHandler({
			response: closed ? { txnStatus: "CANCEL", txnMessage: "Overlay closed by consumer" } : fields,
		});
	}
	window.bolt = {
		launch: function (data, handlers) {
			if (data && data.key && data.txnid && data.hash)
				return openFrame(%(address)s, Object.assign({}, data), finish.bind(null, handlers));
			if (handlers && handlers.catchException)
				handlers.catchException({ message: "key, txnid and hash are mandatory" });
		},
	};
})();
"""


def digest(parts: list[str]) -> str:
	return sha512("|".join(parts).encode()).hexdigest()


def indian_time(moment: datetime) -> str:
	return moment.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


def result_fields(charge: Charge) -> dict[str, str]:
	is_paid = charge.state == ledger.CAPTURED
	return {
		"bankcode": MODES[charge.method],
		"PG_TYPE": f"{MODES[charge.method]}-PG",
		"bank_ref_num": f"5270{charge.payment_id[-8:]}" if is_paid else "",
		"cardnum": "512345XXXXXX2346" if charge.method == "card" else "",
		"payment_source": "payu",
		"error": "E000" if is_paid else "E308",
		"error_Message": "No Error" if is_paid else "Bank was unable to authenticate.",
		"field7": "AUTHPOSITIVE" if is_paid else "AUTHNEGATIVE",
		"field9": "Transaction is Successful." if is_paid else "Transaction was not completed at the bank.",
	}
