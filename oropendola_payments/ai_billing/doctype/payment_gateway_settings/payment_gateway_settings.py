from typing import Any
from urllib.parse import quote, urlsplit

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, get_datetime, get_url, now_datetime

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.known_gateways import adapter_class, gateway_codes, gateway_of, is_known
from oropendola_payments.ai_billing.sealed import decrypted
from oropendola_payments.exceptions import BadRequest, Conflict, NotAllowed, Unavailable
from oropendola_payments.gateways.base import CREDENTIAL_SLOTS, Gateway
from oropendola_payments.money import Amount, to_decimal
from oropendola_payments.roles import MANAGER

# After this pause the next call is the trial: success closes the circuit, failure restarts the pause.
DEGRADED_SECONDS = 120
# Modes that must not be enabled at the same time.
OPPOSITE = {"Live": "Simulator", "Simulator": "Live"}
# With another value in one of these the account may be another one.
KEYS = ("account_id", "key_id", "key_secret", "legacy_id", "legacy_secret")


class PaymentGatewaySettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		account_id: DF.Data | None
		api_base_url: DF.Data | None
		company: DF.Data | None
		degraded_since: DF.Datetime | None
		documents_only: DF.Check
		embed_checkout: DF.Check
		enabled: DF.Check
		fees_in_payouts: DF.Check
		fetch_payouts: DF.Check
		gateway: DF.Data
		is_default: DF.Check
		key_id: DF.Data | None
		key_secret: DF.Password | None
		key_version: DF.Data | None
		keys_changed_on: DF.Datetime | None
		keys_refused: DF.Check
		label: DF.Data
		last_error: DF.SmallText | None
		last_error_on: DF.Datetime | None
		last_success_on: DF.Datetime | None
		legacy_id: DF.Data | None
		legacy_secret: DF.Password | None
		legacy_version: DF.Data | None
		mode: DF.Literal["Simulator", "Test", "Live"]
		payout_bank_account: DF.Data | None
		payout_days: DF.Int
		payout_error: DF.SmallText | None
		payouts_fetched_until: DF.Datetime | None
		payouts_since: DF.Date | None
		public_key: DF.SmallText | None
		refund_speed: DF.Literal["Normal", "Instant"]
		require_phone_code: DF.Check
		sort_order: DF.Int
		webhook_id: DF.Data | None
		webhook_secret: DF.Password | None
		webhook_secret_previous: DF.Password | None
	# end: auto-generated types

	# Form ---------------------------------------------------------------------------------------

	def onload(self) -> None:
		if not self.is_known():
			return
		adapter = self.adapter_class()
		declared = [
			{"name": c.name, "label": _(c.label), "help": _(c.help), "required": c.required}
			for c in adapter.credentials
		]
		self.set_onload("credentials", declared)
		self.set_onload("status", self.get_status())
		self.set_onload("instant_refunds", adapter.capabilities.instant_refunds)
		self.set_onload("tells_payouts", adapter.capabilities.payouts)
		self.set_onload("simulator_allowed", simulator_allowed())
		self.set_onload("webhook_address", self.get_webhook_address())

	def validate(self) -> None:
		self.validate_gateway()
		self.validate_accounts()
		self.validate_mode()
		self.validate_modes_fit_together()
		self.validate_live_is_protected()
		self.validate_base_url()
		self.validate_credentials()
		self.note_changed_keys()

	def validate_gateway(self) -> None:
		if not self.is_known() and (self.enabled or self.is_new()):
			message = _(
				"There is no gateway {0}. Please choose one of: {1}. Another account of one has a suffix, such as {2}."
			)
			frappe.throw(
				message.format(self.gateway, ", ".join(gateway_codes()), f"{gateway_codes()[0]}_acme"),
				BadRequest,
			)

	def validate_accounts(self) -> None:
		"""Several accounts of one gateway: one of them sells, and each has keys of its own."""
		self.company = (self.company or "").strip()
		others = self.other_accounts()
		selling = [row.label for row in others if cint(row.enabled) and not cint(row.documents_only)]
		if selling and cint(self.enabled) and not cint(self.documents_only):
			message = _(
				"Customers pay for plans through {0}. Please tick Documents Only here or there, or disable one."
			)
			frappe.throw(message.format(selling[0]), Conflict)
		self.validate_other_merchant(others)

	def validate_other_merchant(self, others: list) -> None:
		"""Refuse the keys of another account: payouts and notices would be of both."""
		if self.mode == "Simulator" or not others:
			return
		own = _merchant_in(self._secrets_after_save())
		for row in others if own else ():
			if _merchant_in(frappe.get_doc(self.doctype, row.name).readable_secrets()) == own:
				message = _("{0} has these keys already. Please enter those of another account.")
				frappe.throw(message.format(row.label), Conflict)

	def other_accounts(self) -> list:
		"""Return the further accounts of this gateway."""
		fields = ["name", "label", "gateway", "enabled", "documents_only"]
		rows = frappe.get_all(self.doctype, {"name": ("!=", self.name or "")}, fields)
		gateway = gateway_of(self.gateway)
		return [row for row in rows if gateway and gateway_of(row.gateway) == gateway]

	def validate_mode(self) -> None:
		if self.mode == "Simulator" and not simulator_allowed():
			message = _(
				"With the simulator, customers get real service for no money. To allow it on this site, run: {0}"
			)
			frappe.throw(
				message.format("bench --site SITE set-config -p allow_payment_simulator 1"), NotAllowed
			)

	def validate_modes_fit_together(self) -> None:
		"""Refuse Simulator beside Live: customers would choose between real money and service for nothing."""
		if not self.enabled or self.mode not in OPPOSITE:
			return
		others = enabled_in(OPPOSITE[self.mode], except_for=self.name)
		if not others:
			return
		message = {
			"Live": _(
				"{0} cannot be enabled in Live mode while these gateways are in Simulator mode: {1}. Customers could choose them and get service for no money. Please disable them or set them to Live first."
			),
			"Simulator": _(
				"{0} cannot be enabled in Simulator mode while these gateways are in Live mode: {1}. Customers could choose it and get service for no money. Please leave it disabled or set it to Live."
			),
		}[self.mode]
		frappe.throw(message.format(self.label, ", ".join(others)), Conflict)

	def validate_live_is_protected(self) -> None:
		if self.enabled and self.mode == "Live" and not is_protected():
			message = _(
				"{0} cannot be enabled in Live mode, because the address of this site is {1}: returns and webhooks of customers' payments would not be encrypted. Please set up https, then run: {2}"
			)
			command = "bench --site SITE set-config host_name https://..."
			frappe.throw(message.format(self.label, get_url(), command), Conflict)

	def validate_base_url(self) -> None:
		if not self.api_base_url:
			return
		address = urlsplit(self.api_base_url)
		if address.scheme not in ("http", "https") or not address.hostname:
			frappe.throw(_("The API base address must start with http:// or https://."))
		if self.mode == "Live":
			frappe.throw(
				_("Live mode always uses the provider's own address. Please clear the API base address.")
			)
		self.validate_secrets_are_meant_for_this_address()

	def validate_secrets_are_meant_for_this_address(self) -> None:
		"""Require the secrets to be entered again when the API address changes, so that nobody can send stored ones elsewhere."""
		if self.is_new() or not (self.has_value_changed("api_base_url") or self.has_value_changed("mode")):
			return
		stored = self.readable_secrets()
		kept = [
			slot
			for slot, secret in CREDENTIAL_SLOTS.items()
			if secret and stored.get(slot) and self._is_masked(slot)
		]
		if kept and self.mode != "Simulator":
			frappe.throw(
				_("Please enter the secrets again, because they would now be sent to a different address.")
			)

	def _is_masked(self, slot: str) -> bool:
		return set(self.get(slot) or "") == {"*"}

	def validate_credentials(self) -> None:
		if not self.enabled or self.mode == "Simulator":
			return
		secrets = self._secrets_after_save()
		adapter = self.adapter_class()
		missing = adapter.missing_credentials(secrets)
		if missing:
			frappe.throw(
				_("To enable {0}, please enter: {1}.").format(self.label, ", ".join(map(_, missing)))
			)
		problems = adapter.credential_problems(secrets, self.mode)
		if problems:
			frappe.throw(" ".join(_(problem) for problem in problems))

	def note_changed_keys(self) -> None:
		if self.keys_or_mode_changed():
			self.last_success_on = None
		if self._differs_in(KEYS):
			self.keys_changed_on = now_datetime()

	def keys_or_mode_changed(self) -> bool:
		return self._differs_in((*CREDENTIAL_SLOTS, "mode", "api_base_url"))

	def _differs_in(self, names: tuple[str, ...]) -> bool:
		before = self.get_doc_before_save()
		return bool(before) and any((before.get(name) or "") != (self.get(name) or "") for name in names)

	def on_update(self) -> None:
		if self.is_default:
			others = {"is_default": 1, "name": ("!=", self.name)}
			for name in frappe.get_all(self.doctype, others, pluck="name"):
				frappe.db.set_value(self.doctype, name, "is_default", 0)
		before = self.get_doc_before_save()
		changed = [
			f.fieldname
			for f in self.meta.fields
			if before and before.get(f.fieldname) != self.get(f.fieldname)
		]
		self.say_who_is_offered_test()
		append_to_site("gateway_settings_changed", self, fields=changed, mode=self.mode, enabled=self.enabled)

	def say_who_is_offered_test(self) -> None:
		"""Tell who saves a gateway that customers are not offered those in Test mode beside a Live one."""
		tested = enabled_in("Test")
		if tested and self.enabled and self.mode != "Simulator" and enabled_in("Live"):
			message = _(
				"While a gateway is Live, only Payments Managers are offered those in Test mode: {0}. Customers could pay there without money."
			)
			frappe.msgprint(message.format(", ".join(tested)), alert=True)

	def on_trash(self) -> None:
		if frappe.db.exists("Payment Attempt", {"gateway": self.gateway}):
			message = _(
				"{0} has payments that need its keys for refunds and status checks. Please disable it instead of deleting it."
			)
			frappe.throw(message.format(self.label), NotAllowed)

	# Queries ------------------------------------------------------------------------------------

	def adapter_class(self) -> type[Gateway]:
		return adapter_class(self.gateway)

	def is_known(self) -> bool:
		"""Return False for a gateway of an app that was uninstalled."""
		return gateway_of(self.gateway) is not None

	def is_degraded(self) -> bool:
		"""Return whether the circuit is open: after an outage until the pause is over, after refused keys until a call succeeds."""
		if not self.degraded_since:
			return False
		age = (now_datetime() - get_datetime(self.degraded_since)).total_seconds()
		return bool(cint(self.keys_refused)) or age < DEGRADED_SECONDS

	def get_webhook_address(self) -> str:
		"""Return the webhook URL for the gateway's dashboard, built from the site's host name and not from the request's."""
		return get_url(f"/api/method/oropendola_payments.api.webhooks.receive?gateway={quote(self.gateway)}")

	def is_configured(self) -> bool:
		"""Return whether all required credentials are set. The simulator needs none."""
		if not self.is_known():
			return False
		if self.mode == "Simulator":
			return simulator_allowed()
		try:
			return not self.adapter_class().missing_credentials(self.get_secrets())
		except Unavailable:
			return False

	def get_status(self) -> str:
		"""Return Disabled, Not Configured, Degraded, or the mode."""
		if not cint(self.enabled):
			return "Disabled"
		if not self.is_configured():
			return "Not Configured"
		return "Degraded" if self.is_degraded() else self.mode

	@frappe.whitelist(methods=["POST"])
	def test_connection(self) -> str:
		"""Return a sentence for the Desk whether the provider accepts the keys."""
		frappe.only_for((MANAGER, "System Manager"))
		# The stored record: the one in the request could contain any address.
		return frappe.get_doc(self.doctype, self.name).run_method("check_connection")

	# The contract of the app Payments, whose Payment Gateways name this record as their controller ----

	def validate_transaction_currency(self, currency: str) -> None:
		taken = self.adapter_class().capabilities.currencies
		if taken is not None and currency.upper() not in taken:
			message = _("{0} does not accept {1}. Please choose another way to pay.")
			frappe.throw(message.format(self.label, currency), BadRequest)

	def validate_minimum_transaction_amount(self, currency: str, amount: Amount) -> None:
		least = self.adapter_class().capabilities.minimum.get(currency.upper())
		if least and to_decimal(amount) < least:
			message = _("{0} accepts payments of {1} or more. Please choose another way to pay.")
			frappe.throw(message.format(self.label, money(least, currency)), BadRequest)

	def on_payment_request_submission(self, request: Document) -> bool:
		"""Return True always: ERPNext takes an error here for a No and sends a mail without a link. `get_payment_url` can say why."""
		return True

	def get_payment_url(self, **details: Any) -> str:
		return self.run_method("payment_url", **details)

	def request_for_payment(self, **details: Any) -> None:
		message = _("{0} cannot ask a phone for a payment here. Please use the channel Email.")
		frappe.throw(message.format(self.label), BadRequest)

	# Credentials --------------------------------------------------------------------------------

	def get_secrets(self) -> dict[str, str]:
		"""Return all credentials in plain text. Raises Unavailable if one cannot be decrypted. Never cached, never logged."""
		secrets = self._read_secrets()
		if None in secrets.values():
			message = _("The keys of {0} cannot be read. A Payments Manager has to look at them.")
			raise Unavailable(message.format(self.label))
		return {slot: value for slot, value in secrets.items() if value}

	def readable_secrets(self) -> dict[str, str]:
		"""As `get_secrets`, without those that cannot be decrypted."""
		return {slot: value for slot, value in self._read_secrets().items() if value}

	def has_unreadable_secrets(self) -> bool:
		"""Return whether a credential was encrypted with another key than the site has now, as after a restore without site_config.json."""
		return None in self._read_secrets().values()

	def _read_secrets(self) -> dict[str, str | None]:
		"""Return all credentials, with one SQL query for the secrets; None for one that cannot be decrypted."""
		rows = frappe.db.sql(
			"SELECT `fieldname`, `password` FROM `__Auth` WHERE `doctype` = %s AND `name` = %s AND `encrypted` = 1",
			(self.doctype, self.name),
		)
		stored = {slot: decrypted(password) for slot, password in rows if CREDENTIAL_SLOTS.get(slot)}
		plain = {slot: self.get(slot) or "" for slot, secret in CREDENTIAL_SLOTS.items() if not secret}
		# Pasted with a space or a line break a key is wrong, and a field that holds nothing else is empty: else anybody could sign with it.
		return {slot: value and value.strip() for slot, value in {**plain, **stored}.items()}

	def _secrets_after_save(self) -> dict[str, str]:
		"""Return the credentials as they will be after this save: entered values, else the stored ones."""
		stored = {} if self.is_new() else self.readable_secrets()
		typed = {slot: (self.get(slot) or "").strip() for slot in CREDENTIAL_SLOTS}
		kept = {slot: stored.get(slot, "") for slot in typed if self._is_masked(slot)}
		return {**typed, **kept}


def simulator_allowed() -> bool:
	return bool(cint(frappe.conf.get("allow_payment_simulator")))


def enabled_in(mode: str, except_for: str | None = None) -> list[str]:
	"""Return the labels of the gateways that are enabled in this mode."""
	filters = {"enabled": 1, "mode": mode, "name": ("!=", except_for or "")}
	fields = ["label", "gateway"]
	rows = frappe.get_all("Payment Gateway Settings", filters, fields, order_by="sort_order, name")
	return [row.label for row in rows if is_known(row.gateway)]


def _merchant_in(secrets: dict[str, str]) -> tuple[str, str] | None:
	"""Return what names the merchant among these credentials. A partner has the same keys for several."""
	key = secrets.get("key_id") or secrets.get("key_secret") or secrets.get("legacy_id")
	return (key, secrets.get("account_id") or "") if key else None


def is_protected() -> bool:
	"""Return whether the public address of this site is https."""
	return urlsplit(get_url()).scheme == "https"
