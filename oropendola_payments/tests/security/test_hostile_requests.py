"""Requests that schemathesis makes of the OpenAPI document, right ones and wrong ones, sent to a running site.

`HOSTILE_REQUESTS=10000 python3 -m benchless test -n 0 -s oropendola_payments/tests/security/test_hostile_requests.py` sends more of them.
"""

import hashlib
import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

import frappe
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oropendola_payments.openapi import files
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support.endpoints import OwnerRecords, People, token_of_link
from oropendola_payments.tests.support.factories import create_active_subscription, create_invoice
from oropendola_payments.tests.support.http import token_of
from oropendola_payments.tests.support.proofs import THOROUGH

try:
	import schemathesis
	from schemathesis import GenerationMode
	from schemathesis.checks import load_all_checks
	from schemathesis.core.failures import FailureGroup
	from schemathesis.specs.openapi.checks import (
		content_type_conformance,
		response_schema_conformance,
		status_code_conformance,
	)

	from benchless import site
	from benchless.tests.throwaway import _go_back

	HAS_ALL = True
except ImportError:  # a bench's runner fails if a module skips itself
	HAS_ALL = False

HOW_MANY = int(os.environ.get("HOSTILE_REQUESTS", "0"))
OPTIONS = settings(
	derandomize=True,  # the same requests in every run
	deadline=None,
	database=None,
	phases=[Phase.generate],
	suppress_health_check=list(HealthCheck),
)
# What a refused request may write: it counts against a limit, and errors of the framework are logged.
MAY_CHANGE = {"tabPayment Counter", "tabError Log"}
# Before it refuses, it asks the gateway about the last payment, and writes down when, and that the gateway answered.
ASKS_THE_GATEWAY = {"retry_payment": {"tabPayment Attempt", "tabPayment Gateway Settings"}}
CONFIG = {"allow_tests": True, "allow_payment_simulator": True, "pause_scheduler": 1}


class Watch:
	"""Sees whether anybody wrote to the database of a site, and into which tables."""

	def __init__(self, path: Path):
		self.connection = sqlite3.connect(path)
		self.version, self.known = self._version(), self._tables()

	def changed(self) -> set[str]:
		"""The tables that were written since the last call."""
		version = self._version()
		if version == self.version:
			return set()
		self.version, before, self.known = version, self.known, self._tables()
		return {name for name in self.known if self.known[name] != before.get(name)}

	def _version(self) -> int:
		return self.connection.execute("PRAGMA data_version").fetchone()[0]

	def _tables(self) -> dict[str, str]:
		names = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
		return {name: self._hash(name) for (name,) in names}

	def _hash(self, table: str) -> str:
		rows = self.connection.execute(f"SELECT * FROM `{table}`").fetchall()
		return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()


@unittest.skipUnless(HAS_ALL, "These requests go to a site of benchless, and schemathesis makes them.")
class TestHostileRequests(unittest.TestCase):
	"""A site of its own, its gateways simulated, and callers of each kind."""

	@classmethod
	def setUpClass(cls):
		load_all_checks()
		cls.checks = (status_code_conformance, content_type_conformance, response_schema_conformance)
		outer = getattr(frappe.local, "site_path", None)
		folder = Path(tempfile.mkdtemp(prefix="benchless-hostile-"))
		cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
		frappe.destroy()
		cls.addClassCleanup(_go_back, outer)
		cls.path = site.create_site(folder / "hostile.localhost", config=CONFIG)
		site.connect(cls.path)
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		cls.actors, cls.known = cls.people()
		frappe.db.commit()
		cls.host.server.finish_jobs()  # the receipts of what these people paid
		cls.watch = Watch(cls.path / "site.db")
		cls.addClassCleanup(cls.watch.connection.close)
		cls.seen, cls.problems = Counter(), []

	@classmethod
	def people(cls) -> tuple[dict, dict]:
		"""The headers of each kind of caller, and names of records that requests may mention."""
		people = People()
		records = OwnerRecords(people)
		subscription = records.subscription
		key = subscription.create_api_key()
		actors = {
			"guest": {},
			"customer": {"Authorization": token_of(people.owner)},
			"manager": {"Authorization": token_of(people.manager)},
			"key": {"X-API-Key": key},
		}
		foreign = create_active_subscription()
		known = {
			"invoice_id": [
				records.invoice,
				records.failed_invoice,
				subscription.current_invoice,
				create_invoice().name,
			],
			"subscription_id": [subscription.name, foreign.name],
			"plan_id": [records.plan, records.dearer_plan],
			"attempt": [records.attempt],
			"order_id": [records.order],
			"key_id": [subscription.api_key_link, foreign.api_key_link],
			"code": [records.coupon],
			"coupon": [records.coupon],
			"link": [records.payment_link.link.name],
			"token": [token_of_link(records.payment_link.address)],
			"gateway": ["payu", "cashfree"],
			"currency": ["INR", "USD"],
			"channel": ["Email", "SMS"],
			"model": ["gpt-4o"],
			"refund": [records.lost_refund],
			"profile": [records.profile],
			"document": [records.tax_document],
			"payment_method": ["upi_intent", "netbanking"],
			"phone_number": [records.phone],
			"customer_phone": [records.phone],
		}
		return actors, known

	def test_each_answer_is_a_described_one_and_a_refused_request_writes_nothing(self):
		"""M2."""
		schema = schemathesis.openapi.from_dict(files.build())
		operations = [result.ok() for result in schema.get_all_operations()]
		each = max(2 if THOROUGH else 1, HOW_MANY // len(operations))
		for operation in operations:
			self.send_all(operation, each)
		if HOW_MANY:
			told = f"{self.seen.total()} requests to {len(operations)} operations: {dict(sorted(self.seen.items()))}"
			sys.stdout.write(f"\n{told}\n")
		self.assertEqual(self.problems, [], "\n\n".join(self.problems))

	def test_a_write_is_seen_with_its_table(self):
		self.watch.changed()
		self.assertEqual(self.watch.changed(), set())
		frappe.db.set_value("User", "Administrator", "first_name", secrets.token_hex(4))
		frappe.db.commit()
		self.assertEqual(self.watch.changed(), {"tabUser"})

	def send_all(self, operation, count: int) -> None:
		modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
		strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]

		@settings(OPTIONS, max_examples=count)
		@given(data=st.data())
		def send(data):
			case = data.draw(st.sampled_from(strategies).flatmap(lambda strategy: strategy))
			self.name_records(data, case)
			self.send(case, data.draw(st.sampled_from(sorted(self.actors))))

		send()

	def name_records(self, data, case) -> None:
		"""Mention records that exist, so that requests get behind the look-up of a name."""
		for sent in (case.body, case.query):
			for name in set(sent) & set(self.known) if isinstance(sent, dict) else ():
				if data.draw(st.booleans()):
					sent[name] = data.draw(st.sampled_from(self.known[name]))

	def send(self, case, actor: str) -> None:
		address = f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
		case.cookies = {}
		for name in ("Authorization", "X-API-Key", "X-Frappe-CSRF-Token"):
			case.headers.pop(name, None)
		headers = {"X-Forwarded-For": address, "Accept": "application/json", **self.actors[actor]}
		response = case.call(base_url=self.host.url, headers=headers, allow_redirects=False)
		self.seen[response.status_code] += 1
		for problem in self.problems_of(case, response):
			self.problems.append(f"{actor}: {problem}\n{case.as_curl_command()}")

	@staticmethod
	def is_unavailable(response) -> bool:
		"""A refusal in our words, such as that this site has no account for emails."""
		return response.status_code == 503 and '"error_code":"unavailable"' in response.text

	def problems_of(self, case, response):
		try:
			case.validate_response(response, checks=self.checks)
		except (FailureGroup, AssertionError) as failure:
			yield f"{response.status_code} {response.text[:300]} {getattr(failure, 'exceptions', failure)}"
		if response.status_code >= 500 and not self.is_unavailable(response):
			yield f"{response.status_code} {response.text[-600:]}"
		asked = ASKS_THE_GATEWAY.get(case.path.rpartition(".")[2], set())
		self.host.server.finish_jobs()  # so that no job writes while the next request is refused
		written = self.watch.changed() - MAY_CHANGE - asked
		if written and response.status_code >= 400:
			yield f"{response.status_code} was answered, but {sorted(written)} changed"
