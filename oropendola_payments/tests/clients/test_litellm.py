"""The hooks for LiteLLM's proxy, called as LiteLLM 1.110 calls them, against a real site. LiteLLM itself is used if it is installed."""

import sys
import types

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.clients.python_client import AsyncCounting, ClientCase, Network
from oropendola_payments.tests.support.factories import unique

from oropendola_usage.litellm import Hooks  # isort: skip


class UserAPIKeyAuth:
	def __init__(self, **values):
		self.__dict__.update(values)


class ProxyException(Exception):
	def __init__(self, message, type, param, code=None, headers=None):
		super().__init__(message)
		self.message, self.type, self.param, self.code, self.headers = (
			message,
			type,
			param,
			str(code),
			headers,
		)


class CustomLogger:
	pass


def ensure_litellm():
	"""Stand in for the three names of LiteLLM that the hooks use, where it is not installed: it is very large."""
	try:
		import litellm.proxy._types  # noqa: F401
	except ImportError:
		types_module, logger_module = (
			types.ModuleType("litellm.proxy._types"),
			types.ModuleType("litellm.integrations.custom_logger"),
		)
		types_module.UserAPIKeyAuth, types_module.ProxyException = UserAPIKeyAuth, ProxyException
		logger_module.CustomLogger = CustomLogger
		for name in ("litellm", "litellm.proxy", "litellm.integrations"):
			sys.modules.setdefault(name, types.ModuleType(name))
		sys.modules["litellm.proxy._types"], sys.modules["litellm.integrations.custom_logger"] = (
			types_module,
			logger_module,
		)


class HookCase(ClientCase):
	is_async = True

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		ensure_litellm()
		limits = [{"meter": "Tokens", "time_window": "Day", "allowance": 3000}]
		cls.doc, cls.key = served_customer(requests_limit_per_day=1000, limits=limits)

	def setUp(self):
		super().setUp()
		frappe.db.delete("AI Usage Window", {"subscription": self.doc.name})
		frappe.db.commit()
		self.network = Network()
		# LiteLLM loads the module of the hooks twice: once for each name in its configuration.
		self.auth, self.callbacks = self.hooks(), self.hooks()
		self.logger = self.callbacks.logger()
		self.addCleanup(lambda: self.loop.run(self.callbacks.close()))

	def hooks(self) -> Hooks:
		return Hooks(AsyncCounting(self.host.url, self.network))

	def authenticated(self, key: str | None = None):
		return self.loop.run(self.auth.user_api_key_auth(None, key or self.key))

	def started(self, user, **request) -> dict:
		data = {
			"model": "toy",
			"messages": [{"role": "user", "content": "hello"}],
			"litellm_call_id": unique("call"),
			**request,
		}
		return self.loop.run(self.logger.async_pre_call_hook(user, None, data, "completion"))

	def succeeded(self, data: dict, prompt: int, completion: int):
		kwargs = {
			"litellm_call_id": data["litellm_call_id"],
			"standard_logging_object": {"prompt_tokens": prompt, "completion_tokens": completion},
		}
		self.loop.run(self.logger.async_log_success_event(kwargs, None, None, None))
		self.loop.run(self.callbacks.meter.flush())

	def failed(self, data: dict, user):
		self.loop.run(self.logger.async_post_call_failure_hook(data, ValueError("boom"), user))
		self.loop.run(self.callbacks.meter.flush())

	def tokens(self) -> int:
		frappe.db.rollback()
		return (
			frappe.db.get_value("AI Usage Window", {"subscription": self.doc.name, "meter": "Tokens"}, "used")
			or 0
		)


class TestAuthentication(HookCase):
	def test_a_key_is_known_by_its_subscription_and_its_hash_and_is_asked_about_once(self):
		for _time in range(3):
			user = self.authenticated()
			self.assertEqual((user.user_id, user.metadata["plan"]), (self.doc.name, self.doc.plan))
			self.assertNotIn(self.key, str(vars(user)))
		self.assertEqual(self.network.calls, ["check"])

	def test_a_refusal_keeps_its_status_and_never_becomes_another(self):
		for key, code in (("", "401"), ("sk-1", "401"), (make_key(), "401")):
			with self.assertRaises(Exception) as raised:
				self.loop.run(self.auth.user_api_key_auth(None, key or None))
			self.assertEqual(
				(raised.exception.code, type(raised.exception).__name__), (code, "ProxyException")
			)
		self.network.is_away = True
		with self.assertRaises(Exception) as raised:
			self.authenticated(make_key())
		self.assertEqual((raised.exception.code, raised.exception.headers["retry-after"]), ("503", "1"))


class TestSettling(HookCase):
	def test_real_tokens_replace_the_reserved_ones(self):
		data = self.started(self.authenticated(), max_tokens=200)
		self.assertGreater(self.tokens(), 200)
		self.succeeded(data, 70, 50)
		self.assertEqual((self.tokens(), self.left()), (120, 999))

	def test_a_call_that_fails_costs_nothing(self):
		user = self.authenticated()
		self.failed(self.started(user), user)
		self.assertEqual((self.tokens(), self.left()), (0, 1000))

	def test_a_call_above_the_limit_is_refused_before_it_is_made(self):
		with self.assertRaises(Exception) as raised:
			self.started(self.authenticated(), max_tokens=5000)
		self.assertEqual(raised.exception.code, "429")
		self.assertGreater(int(raised.exception.headers["retry-after"]), 0)
		self.assertEqual(self.tokens(), 0)

	def test_two_calls_under_one_call_id_of_the_customer_are_two(self):
		user = self.authenticated()
		for _time in range(2):
			data = self.started(user, litellm_call_id="chosen", max_tokens=100)
		self.succeeded(data, 10, 10)
		self.assertEqual(self.left(), 998)
		self.assertGreater(self.tokens(), 100)

	def test_what_the_customer_writes_into_the_request_settles_nothing(self):
		user = self.authenticated()
		data = self.started(user, max_tokens=100)
		forged = {
			"litellm_call_id": "other",
			"litellm_params": {"metadata": {"oropendola_event": "x", "oropendola_key": "y"}},
		}
		self.loop.run(self.logger.async_log_success_event(forged, None, None, None))
		self.succeeded(data, 7, 5)
		self.assertEqual(self.tokens(), 12)

	def test_settling_waits_for_a_site_that_is_away_and_happens_once(self):
		data = self.started(self.authenticated(), max_tokens=100)
		self.network.loses_answers_to = {"settle_reservation"}
		kwargs = {
			"litellm_call_id": data["litellm_call_id"],
			"standard_logging_object": {"prompt_tokens": 7, "completion_tokens": 5},
		}
		self.loop.run(self.logger.async_log_success_event(kwargs, None, None, None))
		self.assertFalse(self.loop.run(self.callbacks.meter.flush(timeout=0)))
		self.network.loses_answers_to = set()
		self.assertTrue(self.loop.run(self.callbacks.meter.flush()))
		self.assertEqual((self.tokens(), self.left()), (12, 999))
