"""What docs/api.md says about each endpoint: who may call it, in which words, with which examples."""

import json
import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
SECTION = re.compile(r"^### (?P<heading>[^\n]*`[^\n]*)\n(?P<body>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`(\w+\.\w+)[`?]")
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
CODE = re.compile(r"^\| (\d{3}) \| ((?:`\w+`(?:, )?)+) \| (.*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
	audience: str  # guest, user, owner, manager, staff ...
	text: str
	example: dict | None  # of an answer
	arguments: dict[str, str] = field(default_factory=dict)  # of the first call


@cache
def sections() -> dict[str, Section]:
	"""The section of each endpoint. Several endpoints can share one."""
	found = {}
	for match in SECTION.finditer(_page()):
		section = _section(match["heading"], match["body"])
		found.update(dict.fromkeys(NAME.findall(match["heading"]), section))
	return found


@cache
def meanings() -> dict[tuple[int, str], str]:
	"""What each error code means, by status and code."""
	return {
		(int(status), code): _plain(text)
		for status, codes, text in CODE.findall(_page())
		for code in re.findall(r"`(\w+)`", codes)
	}


@cache
def _page() -> str:
	return PAGE.read_text(encoding="utf-8")


def _section(heading: str, body: str) -> Section:
	blocks = BLOCK.findall(body)
	answers = (json.loads(text) for kind, text in blocks if kind == "json")
	calls = (text for kind, text in blocks if kind == "sh" and "curl" in text)
	return Section(
		audience=heading.partition(" — ")[2].rpartition(", ")[0],
		text=re.sub(r"\n{3,}", "\n\n", _plain(BLOCK.sub("", body))).strip(),
		example=next((answer for answer in answers if answer["message"].get("success")), None),
		arguments=_arguments(next(calls, "")),
	)


def _arguments(call: str) -> dict[str, str]:
	"""The arguments of a call with curl: those of `-d` and those in the address."""
	words = shlex.split(call.partition("\n#")[0].replace("\\\n", " "), comments=True)
	sent = [word for before, word in pairwise(words) if before == "-d"]
	address = next((word for word in words if word.startswith("$API.")), "")
	return dict(parse_qsl("&".join(sent))) | dict(parse_qsl(urlsplit(address).query))


def _plain(text: str) -> str:
	"""Links lead to pages that a reader of the document does not have."""
	return LINK.sub(r"\1", text)
