"""Checks the arguments of whitelisted functions against their type hints."""

from collections.abc import Callable
from functools import lru_cache, wraps
from inspect import Parameter, isclass, signature
from typing import Any, ForwardRef, Union

import pydantic

from frappe.exceptions import FrappeTypeError

SLACK_DICT = {bool: (int, bool, float)}
FrappePydanticConfig = pydantic.ConfigDict(arbitrary_types_allowed=True)


def validate_argument_types(func: Callable, apply_condition: Callable = lambda: True):
	"""Give a function that checks and converts its arguments whenever the condition holds."""

	@wraps(func)
	def wrapper(*args, **kwargs):
		if apply_condition():
			args, kwargs = transform_parameter_types(func, args, kwargs)
		return func(*args, **kwargs)

	return wrapper


def transform_parameter_types(func: Callable, args: tuple, kwargs: dict):
	"""Give the arguments as the type hints want them, or raise FrappeTypeError."""
	if not (args or kwargs) or not func.__annotations__:
		return args, kwargs
	names = func.__code__.co_varnames[: func.__code__.co_argcount]
	positional = dict(zip(names, args, strict=False))
	checked = {name: _checked(func, name, value) for name, value in {**positional, **kwargs}.items()}
	new_args = [checked[name] for name in positional] + list(args[len(names) :])
	return new_args, {name: checked[name] for name in kwargs}


def _checked(func: Callable, name: str, value: Any) -> Any:
	hint = func.__annotations__.get(name, Any)
	if hint is Any or any(
		isinstance(part, ForwardRef | str) for part in (hint, *getattr(hint, "__args__", ()))
	):
		return value
	try:
		return TypeAdapter(_accepted_type(func, name, hint)).validate_python(value)
	except (TypeError, pydantic.ValidationError) as error:
		raise_type_error(name, hint, value, current_exception=error)


@lru_cache(maxsize=2048)
def _accepted_type(func: Callable, name: str, hint: Any) -> Any:
	default = signature(func).parameters[name].default
	accepted = SLACK_DICT.get(hint, (hint,))
	if default is not Parameter.empty and default != hint and type(default) not in accepted:
		accepted += (type(default),)
	return Union[accepted]  # noqa: UP007


@lru_cache(maxsize=2048)
def TypeAdapter(type_):
	return pydantic.TypeAdapter(type_, config=FrappePydanticConfig)


def raise_type_error(
	arg_name: str, arg_type: type, arg_value: object, current_exception: Exception | None = None
):
	raise FrappeTypeError(
		f"Argument '{arg_name}' should be of type '{qualified_name(arg_type)}' but got "
		f"'{qualified_name(arg_value)}' instead."
	) from current_exception


def qualified_name(obj) -> str:
	found = obj if isclass(obj) else type(obj)
	if found.__module__ in {"typing", "types"}:
		return str(obj)
	return (
		found.__qualname__ if found.__module__ == "builtins" else f"{found.__module__}.{found.__qualname__}"
	)
