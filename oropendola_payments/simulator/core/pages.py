"""HTML pages that work without JavaScript and say clearly that no real money moves."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

LAYOUT = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
.note {{ background: #fff3cd; border: 1px solid #d9b84a; padding: .6rem 1rem }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: .2rem 1rem }} dd {{ margin: 0 }}
button {{ font: inherit; padding: .5rem 1rem; margin: .3rem .3rem .3rem 0 }} label {{ display: block }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: 1px solid #ccc; text-align: left; padding: .3rem }}
</style></head><body>
<p class="note"><strong>Simulator: no real money.</strong> This page only imitates {provider}.</p>
<h1>{title}</h1>{content}</body></html>
""")
NOTHING = Markup("")
OUTCOME_BUTTONS = (
	("success", "Pay"),
	("failure", "Decline"),
	("cancel", "Cancel"),
	("pending", "Leave pending"),
)
UPI_BUTTONS = (("success", "Approve"), ("failure", "Decline"), ("pending", "Leave pending"))


def layout(provider: str, title: str, content: Markup) -> str:
	return str(LAYOUT.format(provider=provider, title=title, content=content))


def pay_page(provider: str, action: str, details: Mapping[str, str], methods: Iterable[str]) -> str:
	"""What is to be paid, the payment methods, and a button for every outcome."""
	radios = NOTHING.join(
		Markup('<label><input type="radio" name="method" value="{0}"{1}> {0}</label>').format(
			method, Markup(" checked") if number == 0 else ""
		)
		for number, method in enumerate(methods)
	)
	return layout(
		provider, f"Pay with {provider}", detail_list(details) + form(action, {}, OUTCOME_BUTTONS, radios)
	)


def otp_page(provider: str, action: str, details: Mapping[str, str], method: str, wrong: bool = False) -> str:
	"""The page of the bank that asks for a one-time code."""
	hint = "That code is incorrect. " if wrong else ""
	entry = Markup(
		"<p>{0}The correct code is 123456.</p>"
		'<label>One-time code <input name="otp" autocomplete="one-time-code"></label>'
	).format(hint)
	content = detail_list(details) + form(
		action, {"method": method, "step": "otp"}, (("success", "Confirm"),), entry
	)
	return layout(provider, "Your bank asks for a code", content)


def upi_page(provider: str, action: str, details: Mapping[str, str], method: str) -> str:
	"""The approval screen of the payer's UPI app."""
	content = detail_list(details) + form(action, {"method": method, "step": "upi"}, UPI_BUTTONS)
	return layout(provider, "Your UPI app asks for approval", content)


def return_page(provider: str, url: str, fields: Mapping[str, str]) -> str:
	"""Sends the browser back with a cross-site form POST; without JavaScript the customer presses a button."""
	content = form(url, fields, (("", "Return to the shop"),)) + Markup(
		"<script>document.forms[0].submit()</script>"
	)
	return layout(provider, "Returning to the shop", content)


def message_page(provider: str, title: str, text: str) -> str:
	return layout(provider, title, Markup("<p>{}</p>").format(text))


def form(action: str, hidden: Mapping[str, str], buttons: Iterable, content: Markup = NOTHING) -> Markup:
	"""A form that posts; a button with an empty value sends no outcome."""
	inputs = NOTHING.join(
		Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
		for name, value in hidden.items()
	)
	named = Markup('<button name="outcome" value="{}">{}</button>')
	plain = Markup("<button>{}</button>")
	named_buttons = NOTHING.join(
		named.format(value, text) if value else plain.format(text) for value, text in buttons
	)
	return Markup('<form method="post" action="{}">{}{}<p>{}</p></form>').format(
		action, inputs, content, named_buttons
	)


def detail_list(details: Mapping[str, str]) -> Markup:
	rows = NOTHING.join(
		Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in details.items()
	)
	return Markup("<dl>{}</dl>").format(rows)


def table(headings: Iterable[str], rows: Iterable[Iterable]) -> Markup:
	head = NOTHING.join(Markup("<th>{}</th>").format(heading) for heading in headings)
	body = NOTHING.join(
		Markup("<tr>{}</tr>").format(NOTHING.join(Markup("<td>{}</td>").format(cell) for cell in row))
		for row in rows
	)
	return Markup("<table><tr>{}</tr>{}</table>").format(head, body)
