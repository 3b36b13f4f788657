"""The demo: a site with made-up plans, users and gateways, and the payment simulator beside it."""

import json
import secrets
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import frappe
from frappe.utils.password import get_decrypted_password, set_encrypted_password

from benchless import site as sites
from benchless.server import PortInUse, Server, ensure_site, listen, serve

CUSTOMER = "customer@example.com"
TOKEN = "token"
USERS = {
	CUSTOMER: ["Payments Transact"],
	"manager@example.com": ["Payments Manager"],
	"auditor@example.com": ["Payments Auditor"],
}
PLANS = (
	{
		"plan_id": "free",
		"plan_name": "Free",
		"price": 0,
		"is_free": 1,
		"requests_limit_per_day": 20,
		"sort_order": 1,
		"description": "To look around.",
		"features": "One API key\nAll models",
	},
	{
		"plan_id": "starter",
		"plan_name": "Starter",
		"price": 499,
		"requests_limit_per_day": 1000,
		"sort_order": 2,
		"description": "For a first product.",
		"features": "One API key\nAll models\nHelp by mail",
		"prices": [{"currency": "USD", "price": 6}, {"currency": "GBP", "price": 5}],
	},
	{
		"plan_id": "pro",
		"plan_name": "Pro",
		"price": 1999,
		"trial_days": 7,
		"requests_limit_per_day": 0,
		"sort_order": 3,
		"description": "For a service that many people use.",
		"features": "One API key\nAll models\nHelp within a working day",
		"prices": [{"currency": "USD", "price": 24}, {"currency": "GBP", "price": 19.5}],
	},
	{
		"plan_id": "pro-yearly",
		"plan_name": "Pro Yearly",
		"price": 19990,
		"billing_interval": "Year",
		"requests_limit_per_day": 0,
		"sort_order": 4,
		"description": "Pro for a whole year, at once or in parts.",
		"features": "One API key\nAll models\nHelp within a working day",
		"part_payments": 1,
		"part_service": "Covered Days",
		"instalment_plans": [{"instalment_plan": "Four parts"}],
	},
)
PACKS = (
	{
		"pack_id": "credits-1000",
		"pack_name": "1,000 credits",
		"units": 1000,
		"price": 499,
		"sort_order": 1,
		"prices": [{"currency": "USD", "price": 6}, {"currency": "GBP", "price": 5}],
	},
	{
		"pack_id": "credits-10000",
		"pack_name": "10,000 credits",
		"units": 10000,
		"validity_days": 0,
		"price": 3999,
		"sort_order": 2,
		"description": "A fifth cheaper.",
		"prices": [{"currency": "USD", "price": 48}, {"currency": "GBP", "price": 40}],
	},
)
INSTALMENT_PLAN = {"title": "Four parts", "down_percent": 40, "parts": 3, "every": 2, "unit": "Month"}
WEBHOOK = "/api/method/oropendola_payments.api.webhooks.receive?gateway="


def run(folder: Path, port: int, fresh: bool) -> int:
	"""Serve the demo until Ctrl-C."""
	simulator = None

	def prepare(server: Server) -> None:
		nonlocal simulator
		if fresh and folder.exists():
			shutil.rmtree(folder)
		simulator = start_simulator(server.url, last_simulator_port(folder))
		passwords = make_site(folder, server.url, simulator.url)
		introduce(server.url, simulator.url, passwords)

	try:
		return serve(folder, port, prepare)
	finally:
		if simulator:
			simulator.close()


def last_simulator_port(folder: Path) -> int:
	"""Return the port of the last start if it is still free, because open payments point to it; otherwise 0."""
	port = urlsplit(read_config(folder).get("payment_simulator_url", "")).port or 0
	try:
		listen(port).close()
	except PortInUse:
		return 0
	return port


def read_config(folder: Path) -> dict:
	config = folder / "site_config.json"
	return json.loads(config.read_text()) if config.exists() else {}


def start_simulator(site_url: str, port: int):
	"""Start the simulated gateways, which post their webhooks to the site."""
	from oropendola_payments.simulator import Simulator

	# Ids must not repeat after a restart, because the site remembers the old ones.
	simulator = Simulator(port, webhooks="auto", first_number=int(time.time())).start()
	for code in simulator.providers:
		simulator.configure(code, webhook_url=f"{site_url}{WEBHOOK}{code}")
	return simulator


def make_site(folder: Path, url: str, simulator_url: str) -> dict[str, str]:
	"""Prepare the demo's site and return the passwords of its users."""
	passwords = read_passwords(folder)
	# Emails are stored in the Email Queue and never sent.
	config = {
		"host_name": url,
		"mute_emails": 1,
		"allow_payment_simulator": 1,
		"payment_simulator_url": simulator_url,
		"allow_loopback_webhooks": 1,
	}
	ensure_site(folder, passwords["Administrator"], {"demo_passwords": passwords, **config})
	with sites.connect(folder):
		add_records(passwords)
		add_webhook_receiver(f"{simulator_url}/__webhooks")
		token = api_token(CUSTOMER)
		frappe.db.commit()
	return {**passwords, TOKEN: token}


def read_passwords(folder: Path) -> dict[str, str]:
	"""Return the passwords of the last start, or new ones."""
	kept = read_config(folder).get("demo_passwords", {})
	return {user: kept.get(user) or secrets.token_urlsafe(9) for user in ("Administrator", *USERS)}


def add_records(passwords: dict[str, str]) -> None:
	if not frappe.db.exists("AI Instalment Plan", INSTALMENT_PLAN["title"]):
		frappe.get_doc({"doctype": "AI Instalment Plan", **INSTALMENT_PLAN}).insert()
	for plan in PLANS:
		if not frappe.db.exists("AI Plan", plan["plan_id"]):
			frappe.get_doc({"doctype": "AI Plan", "currency": "INR", **plan}).insert()
	for pack in PACKS:
		if not frappe.db.exists("AI Credit Pack", pack["pack_id"]):
			frappe.get_doc({"doctype": "AI Credit Pack", "currency": "INR", **pack}).insert()
	for name in frappe.get_all("Payment Gateway Settings", {"mode": ["!=", "Live"]}, pluck="name"):
		gateway = frappe.get_doc("Payment Gateway Settings", name)
		gateway.update({"mode": "Simulator", "enabled": 1, "fetch_payouts": 1}).save()
	for user, roles in USERS.items():
		add_user(user, roles, passwords[user])
	frappe.db.set_single_value("Website Settings", "home_page", "plans")
	frappe.db.set_single_value("Website Settings", "disable_signup", 1)  # there is no mail to confirm it with


def add_webhook_receiver(url: str) -> None:
	"""Let the simulator show what we would tell a program of the seller. Its port may be another one than last time."""
	from oropendola_payments.engine.webhooks_out import endpoints

	frappe.db.set_single_value("Payment Settings", "customer_webhooks", 1)
	known = endpoints.list_of(None)
	if not known:
		endpoints.create(None, url, [], "The page of the simulator")
	elif known[0]["url"] != url:
		endpoints.update(known[0]["endpoint"], url, None, None)


def add_user(name: str, roles: list[str], password: str) -> None:
	if not frappe.db.exists("User", name):
		user = {"doctype": "User", "email": name, "first_name": name.split("@", maxsplit=1)[0].title()}
		user |= {
			"phone": "+919999900000",
			"roles": [{"role": role} for role in roles],
			"send_welcome_email": 0,
		}
		frappe.get_doc({**user, "new_password": password}).insert()


def api_token(user: str) -> str:
	"""Return the API key and secret of a user as the header Authorization has them, the same at every start."""
	key = frappe.db.get_value("User", user, "api_key") or secrets.token_hex(8)
	secret = get_decrypted_password("User", user, "api_secret", raise_exception=False) or secrets.token_hex(8)
	frappe.db.set_value("User", user, "api_key", key)
	set_encrypted_password("User", user, secret, "api_secret")
	return f"{key}:{secret}"


def introduce(url: str, simulator_url: str, passwords: dict[str, str]) -> None:
	print(
		f"\nThe app:        {url}/plans\nThe simulator:  {simulator_url}   (no real money; /__webhooks shows what was sent)\n\nLog in as"
	)
	for user in ("Administrator", *USERS):
		print(f"  {user:<22} {passwords[user]}")
	print(f"\nCall the API as {CUSTOMER} with the header\n  Authorization: token {passwords[TOKEN]}")
	print("\nEnd the demo with Ctrl-C.", flush=True)
