// What the forms of this app share. hooks.py loads it together with each of them.
frappe.provide("oropendola");

// Our API answers a refusal with its own status and a sentence; frappe.call would show its own words for 403 and 404 instead.
oropendola.call = function (method, args) {
	return oropendola.send(method, JSON.stringify(args), { "Content-Type": "application/json" });
};

oropendola.send = async function (method, body, headers = {}) {
	frappe.dom.freeze(__("One moment …"));
	try {
		const response = await fetch(`/api/method/oropendola_payments.api.${method}`, {
			method: "POST",
			headers: {
				Accept: "application/json",
				"X-Frappe-CSRF-Token": frappe.csrf_token,
				...headers,
			},
			body,
		});
		const answer = await response.json();
		if (answer.message?.success) return answer.message;
		const is_stale = answer.session_expired || answer.exc_type === "CSRFTokenError";
		oropendola.refuse(is_stale ? oropendola.STALE : answer.message?.error);
	} catch {
		// The action may have been carried out: the server never said no.
		oropendola.refuse(oropendola.NO_ANSWER);
	} finally {
		frappe.dom.unfreeze();
	}
	return null;
};

oropendola.STALE = __(
	"Nothing was changed, because your login has ended or was renewed in another window. Please log in there, then reload this page."
);
oropendola.NO_ANSWER = __(
	"The answer of the server did not arrive, so this may have been done or not. Please reload the page and look before you try again."
);

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

// An action works with what was saved, and loads the form again afterwards: what was typed and not saved would be lost.
oropendola.is_saved = function (frm) {
	if (!frm.is_dirty()) return true;
	frappe.msgprint(__("Please save your changes first, or reload the form to drop them."));
	return false;
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

// Asks for values and acts. The dialog stays open when the server refuses, so that nothing has to be typed again.
oropendola.ask = function (title, fields, label, act) {
	let is_acting = false; // the button of a dialog stays clickable while the page is frozen
	const dialog = new frappe.ui.Dialog({
		title,
		fields,
		primary_action_label: label,
		async primary_action(values) {
			if (is_acting) return;
			is_acting = true;
			dialog.disable_primary_action();
			try {
				if (await act(values)) dialog.hide();
			} finally {
				is_acting = false;
				dialog.enable_primary_action();
			}
		},
	});
	dialog.show();
};

// What the server tells only now. A dialog of its own, because frappe.msgprint has one for all messages: it would show the
// secret again with the next message.
oropendola.show_once = function (title, secret, after, more = "") {
	const text = frappe.utils.escape_html;
	const dialog = new frappe.ui.Dialog({
		title,
		fields: [
			{
				fieldtype: "HTML",
				options: `<p>${text(__("Copy it now. It is shown only once."))}</p><p><code>${text(secret)}</code></p>${more}`,
			},
		],
		primary_action_label: __("Copy"),
		primary_action: () => frappe.utils.copy_to_clipboard(secret),
	});
	dialog.$wrapper.on("hidden.bs.modal", () => {
		dialog.$wrapper.remove();
		after();
	});
	dialog.show();
};
