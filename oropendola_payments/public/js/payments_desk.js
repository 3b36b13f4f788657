// What the forms of this app share. hooks.py loads it together with each of them.
frappe.provide("oropendola");

// Our API answers a refusal with its own status and a sentence; frappe.call would show its own words for 403 and 404 instead.
oropendola.call = async function (method, args) {
	frappe.dom.freeze(__("One moment …"));
	try {
		const response = await fetch(`/api/method/oropendola_payments.api.${method}`, {
			method: "POST",
			headers: {
				Accept: "application/json",
				"Content-Type": "application/json",
				"X-Frappe-CSRF-Token": frappe.csrf_token,
			},
			body: JSON.stringify(args),
		});
		const answer = (await response.json()).message;
		if (answer?.success) return answer;
		oropendola.refuse(answer?.error);
	} catch {
		oropendola.refuse();
	} finally {
		frappe.dom.unfreeze();
	}
	return null;
};

oropendola.refuse = function (sentence) {
	const unknown = __(
		"The server could not complete this action. Please try again. If it happens again, check the Error Log."
	);
	frappe.msgprint({
		title: __("Action failed"),
		indicator: "red",
		message: frappe.utils.escape_html(sentence || unknown),
	});
};

oropendola.done = function (frm, sentence) {
	frappe.show_alert({ message: frappe.utils.escape_html(sentence), indicator: "green" });
	frm.reload_doc();
};

oropendola.refresh_status = async function (frm, attempt) {
	const answer = await oropendola.call("admin.ask_gateway", { attempt });
	if (answer) oropendola.done(frm, __("Status refreshed. The payment is {0}.", [__(answer.status)]));
};

oropendola.replay = async function (names) {
	const answer = await oropendola.call("admin.replay_messages", { names: JSON.stringify(names) });
	if (!answer) return false;
	const lines = Object.entries(answer.results).map(
		([name, result]) =>
			`${frappe.utils.escape_html(name)}: ${frappe.utils.escape_html(__(String(result)))}`
	);
	frappe.msgprint({ title: __("Messages replayed"), message: lines.join("<br>") });
	return true;
};

// A secret that the server tells only now.
oropendola.show_secret = function (secret, after) {
	const dialog = frappe.msgprint({
		title: __("Copy the secret now"),
		message: `${__("It is shown only once.")}<br><code>${frappe.utils.escape_html(secret)}</code>`,
	});
	if (dialog) dialog.onhide = after;
};
