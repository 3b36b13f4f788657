"""Checks the arguments of whitelisted functions against their type hints."""

from collections.abc import Callable
from functools import lru_cache, wraps
from inspect import Parameter, isclass, signature
from typing import Any, ForwardRef, Union

import pydantic

from frappe._absent import _absent
from frappe.exceptions import FrappeTypeError

_CONFIG = pydantic.ConfigDict(arbitrary_types_allowed=True)


def validate_argument_types(func: Callable, apply_condition: Callable = lambda: True):
	"""Return a function that checks and converts its arguments whenever the condition holds."""

	@wraps(func)
	def wrapper(*args, **kwargs):
		if apply_condition():
			args, kwargs = transform_parameter_types(func, args, kwargs)
		return func(*args, **kwargs)

	return wrapper


def transform_parameter_types(func: Callable, args: tuple, kwargs: dict):
	"""Return the arguments converted to the type hints, or raise FrappeTypeError."""
	if not (args or kwargs) or not func.__annotations__:
		return args, kwargs
	names = func.__code__.co_varnames[: func.__code__.co_argcount]
	positional = dict(zip(names, args, strict=False))
	checked = {name: _checked(func, name, value) for name, value in {**positional, **kwargs}.items()}
	new_args = [checked[name] for name in positional] + list(args[len(names) :])
	return new_args, {name: checked[name] for name in kwargs}


def _checked(func: Callable, name: str, value: Any) -> Any:
	hint = func.__annotations__.get(name, Any)
	parts = (hint, *getattr(hint, "__args__", ()))
	if hint is Any or any(isinstance(part, ForwardRef | str) for part in parts):
		return value
	try:
		return _adapter(func, name, hint).validate_python(value)
	except (TypeError, pydantic.ValidationError) as error:
		text = f"Argument '{name}' should be of type '{_name_of(hint)}' but got '{_name_of(value)}' instead."
		raise FrappeTypeError(text) from error


@lru_cache(maxsize=2048)
def _adapter(func: Callable, name: str, hint: Any) -> pydantic.TypeAdapter:
	default = signature(func).parameters[name].default
	accepted = (int, bool, float) if hint is bool else (hint,)
	if default is not Parameter.empty and default != hint and type(default) not in accepted:
		accepted += (type(default),)
	return pydantic.TypeAdapter(Union[accepted], config=_CONFIG)  # noqa: UP007


def _name_of(value) -> str:
	kind = value if isclass(value) else type(value)
	if kind.__module__ in {"typing", "types"}:
		return str(value)
	return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


_absent("frappe.utils.typing_validations")
