"""The hooks for LiteLLM's proxy, called as LiteLLM 1.110 calls them, against a real site. LiteLLM itself is used if it is installed."""

import sys
import types
from collections import Counter

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.clients.python_client import AsyncCounting, ClientCase, Network
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique

from oropendola_usage.bounds import UNCOUNTABLE, bound_of  # isort: skip
from oropendola_usage.errors import Refused  # isort: skip
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


class Logging:
	"""LiteLLM's record of a call. It is made before the hook, and its details are the `kwargs` of the events."""

	def __init__(self, litellm_call_id: str):
		self.litellm_call_id = litellm_call_id
		self.model_call_details = {"litellm_call_id": litellm_call_id}


class Timeout(Exception):
	status_code = 408


def request_to(path: str, method: str = "POST", **scope):
	return types.SimpleNamespace(scope={"path": path, "method": method, **scope})


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
		self.auth._state.known.clear()  # tests share the site
		self.logger = self.callbacks.logger()
		self.addCleanup(lambda: self.loop.run(self.callbacks.close()))

	def hooks(self) -> Hooks:
		return Hooks(AsyncCounting(self.host.url, self.network))

	def authenticated(self, key: str | None = None, request=None):
		request = request or request_to("/v1/chat/completions")
		return self.loop.run(self.auth.user_api_key_auth(request, key or self.key))

	def started(self, user, call_type: str = "acompletion", **request) -> dict:
		data = {
			"model": "toy",
			"messages": [{"role": "user", "content": "hello"}],
			"litellm_call_id": unique("call"),
			**request,
		}
		data["litellm_logging_obj"] = Logging(data["litellm_call_id"])
		return self.loop.run(self.logger.async_pre_call_hook(user, None, data, call_type))

	def succeeded(self, data: dict, prompt: int | None, completion: int | None, ran: str = "toy"):
		self.loop.run(
			self.logger.async_log_success_event(logged(data, prompt, completion, ran), None, None, None)
		)
		self.loop.run(self.callbacks.meter.flush())

	def failed(self, data: dict, user, error: Exception | None = None):
		# LiteLLM takes its record away before it calls this hook.
		request = {name: value for name, value in data.items() if name != "litellm_logging_obj"}
		self.loop.run(self.logger.async_post_call_failure_hook(request, error or ValueError("boom"), user))
		self.loop.run(self.callbacks.meter.flush())

	def assert_refused(self, code: str, user, **request):
		with self.assertRaises(Exception) as raised:
			self.started(user, **request)
		self.assertEqual((type(raised.exception).__name__, raised.exception.code), ("ProxyException", code))

	def tokens(self) -> int:
		frappe.db.rollback()
		return (
			frappe.db.get_value("AI Usage Window", {"subscription": self.doc.name, "meter": "Tokens"}, "used")
			or 0
		)


def logged(data: dict, prompt: int | None, completion: int | None, ran: str = "toy") -> dict:
	"""Return the `kwargs` of the event that a call has succeeded."""
	figures = {"prompt_tokens": prompt, "completion_tokens": completion, "model_group": ran}
	return {**data["litellm_logging_obj"].model_call_details, "standard_logging_object": figures}


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
				self.loop.run(self.auth.user_api_key_auth(request_to("/v1/responses"), key or None))
			self.assertEqual(
				(raised.exception.code, type(raised.exception).__name__), (code, "ProxyException")
			)
		self.network.is_away = True
		with self.assertRaises(Exception) as raised:
			self.authenticated(make_key())
		self.assertEqual((raised.exception.code, raised.exception.headers["retry-after"]), ("503", "1"))

	def test_a_customer_may_call_a_model_and_nothing_else_of_the_proxy(self):
		for path, method in (("/v1/messages", "POST"), ("/embeddings", "POST"), ("/v1/models", "GET")):
			user = self.authenticated(request=request_to(path, method))
			self.assertIn(path, user.allowed_routes)
			self.assertEqual(str(user.user_role), "internal_user")
		self.authenticated(request=request_to("/llm/v1/responses", app_root_path="/llm"))
		for path, method in (
			*(
				("/cache/flushall", "POST"),
				("/health", "GET"),
				("/spend/logs", "GET"),
				("/v1/models", "POST"),
			),
			*(("/v1/images/generations", "POST"), ("/v1/messages/count_tokens", "POST")),
			*(("/v1/responses", "GET"), ("/v1/responses/resp_1", "GET"), ("/anthropic/v1/messages", "POST")),
		):
			with self.subTest(path, method=method), self.assertRaises(Exception) as raised:
				self.authenticated(request=request_to(path, method))
			self.assertEqual(raised.exception.code, "403")


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

	def test_a_call_that_is_refused_because_the_answer_was_lost_costs_nothing(self):
		user = self.authenticated()
		self.network.loses_answers_to = {"reserve"}
		self.assert_refused("503", user, max_tokens=500)
		self.loop.run(self.callbacks.meter.flush())
		self.assertEqual((self.tokens(), self.left()), (0, 1000))

	def test_two_calls_under_one_call_id_of_the_customer_are_two(self):
		user = self.authenticated()
		fails = self.started(user, litellm_call_id="chosen", max_tokens=10)
		runs = self.started(user, litellm_call_id="chosen", max_tokens=900)
		self.failed(fails, user)
		self.succeeded(runs, 100, 600)
		self.assertEqual((self.tokens(), self.left()), (700, 999))

	def test_a_call_that_was_cut_short_counts_as_it_was_reserved(self):
		user = self.authenticated()
		for error in (TimeoutError(), Timeout()):
			self.failed(self.started(user, max_tokens=500), user, error)
		self.assertGreater(self.tokens(), 1000)

	def test_a_call_without_figures_counts_as_it_was_reserved(self):
		user = self.authenticated()
		data = self.started(user, max_tokens=500)
		self.succeeded(data, None, None)
		self.assertGreater(self.tokens(), 500)
		self.succeeded(data, 7, 5)
		self.assertEqual(self.tokens(), 12)

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
		kwargs = logged(data, 7, 5)
		self.loop.run(self.logger.async_log_success_event(kwargs, None, None, None))
		self.assertFalse(self.loop.run(self.callbacks.meter.flush(timeout=0)))
		self.network.loses_answers_to = set()
		self.assertTrue(self.loop.run(self.callbacks.meter.flush()))
		self.assertEqual((self.tokens(), self.left()), (12, 999))


class TestModels(HookCase):
	def used_models(self) -> dict[str, int]:
		frappe.db.rollback()
		rows = frappe.get_all(
			"AI Usage Entry",
			{"subscription": self.doc.name},
			["model", "input_tokens", "output_tokens"],
		)
		used: Counter = Counter()
		for row in rows:
			used[row.model] += row.input_tokens + row.output_tokens
		return {model: tokens for model, tokens in used.items() if tokens}

	def setUp(self):
		super().setUp()
		frappe.db.delete("AI Usage Entry", {"subscription": self.doc.name})
		frappe.db.commit()

	def test_the_model_that_ran_is_booked_instead_of_the_reserved_one(self):
		self.succeeded(self.started(self.authenticated(), max_tokens=100), 7, 5, ran="dear")
		self.assertEqual((self.used_models(), self.left()), ({"dear": 12}, 999))

	def test_a_model_that_cannot_be_booked_counts_as_the_reserved_one(self):
		data = self.started(self.authenticated(), max_tokens=2900)
		with self.assertLogs("oropendola_usage", "WARNING"):
			self.succeeded(data, 1000, 1000, ran="dear")
		self.assertEqual(self.used_models(), {"toy": 2000})

	def test_another_model_is_not_booked_beside_the_reserved_one_when_its_answer_was_lost(self):
		data = self.started(self.authenticated(), max_tokens=100)
		self.network.loses_answers_to = {"reserve"}
		with self.assertLogs("oropendola_usage", "WARNING"):
			self.succeeded(data, 7, 5, ran="dear")
		self.assertEqual((self.used_models(), self.left()), ({"toy": 12}, 999))

	def test_a_customer_can_name_no_second_model(self):
		user = self.authenticated()
		self.assert_refused("400", user, model="toy,dear")
		self.assert_refused("400", user, model=["toy", "dear"])
		self.assert_refused("400", user, extra_body={"model": "dear"})
		for name in UNCOUNTABLE:
			self.assert_refused("400", user, **{name: ["dear"]})
		self.assertEqual(self.tokens(), 0)
		self.started(user, fallbacks=[], extra_body={"top_k": 3})

	def test_a_call_that_is_not_measured_in_tokens_is_refused(self):
		for call_type in ("aimage_generation", "aspeech", "pass_through_endpoint", "_aresponses_websocket"):
			self.assert_refused("403", self.authenticated(), call_type=call_type)
		self.assertEqual(self.tokens(), 0)


class TestBounds(TestCase):
	def output_of(self, call_type: str = "acompletion", **data) -> int:
		return bound_of(data, call_type, 1024).output_tokens

	def test_every_choice_of_an_answer_is_reserved(self):
		self.assertEqual(self.output_of(max_tokens=10, n=5), 50)
		self.assertEqual(self.output_of("atext_completion", max_tokens=10, n=2, best_of=8), 80)
		self.assertEqual(self.output_of("atext_completion", max_tokens=10, n=2, prompt=["a", "b", "c"]), 60)
		self.assertEqual(self.output_of("atext_completion", max_tokens=10, prompt=[1, 2, 3]), 10)

	def test_the_largest_of_several_limits_is_reserved(self):
		self.assertEqual(self.output_of(max_tokens=10, max_completion_tokens=700), 700)
		self.assertEqual(self.output_of("aresponses", max_output_tokens=30), 30)

	def test_a_request_without_a_limit_gets_one_that_its_kind_of_call_knows(self):
		for call_type, name in (
			("acompletion", "max_tokens"),
			("atext_completion", "max_tokens"),
			("aresponses", "max_output_tokens"),
			("anthropic_messages", "max_tokens"),
		):
			data = {"model": "toy"}
			self.assertEqual(bound_of(data, call_type, 300).output_tokens, 300)
			self.assertEqual(data, {"model": "toy", name: 300})
		data = {"max_tokens": 5}
		self.assertEqual(bound_of(data, "aresponses", 300).output_tokens, 300)
		self.assertEqual(data["max_output_tokens"], 300)

	def test_an_embedding_has_no_output(self):
		data = {"input": "hello"}
		self.assertEqual((bound_of(data, "aembedding", 300).output_tokens, data), (0, {"input": "hello"}))

	def test_a_limit_or_a_number_of_choices_that_is_no_whole_number_is_refused(self):
		for name in ("max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of"):
			for value in (0, -1, "5", 1.5, True):
				with self.subTest(name, value=value), self.assertRaises(Refused) as raised:
					self.output_of(**{name: value})
				self.assertEqual(raised.exception.status, 400)

	def test_tools_and_instructions_are_part_of_the_input(self):
		alone = bound_of({"messages": "hello"}, "acompletion", 1).input_tokens
		for name in ("tools", "system", "instructions", "response_format"):
			self.assertGreater(
				bound_of({"messages": "hello", name: "x" * 400}, "acompletion", 1).input_tokens, alone + 90
			)
