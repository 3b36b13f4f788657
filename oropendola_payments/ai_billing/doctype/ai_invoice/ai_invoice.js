frappe.ui.form.on("AI Invoice", {
	refresh(frm) {
		const actions = frm.doc.__onload?.actions || {};
		const offer = (name, label, action) => {
			if (actions[name]) frm.add_custom_button(label, () => action(frm, actions[name]));
		};
		offer("refresh", __("Refresh status"), oropendola.refresh_status);
		offer("pay", __("Record payment"), pay_by_hand);
		offer("refund", __("Refund"), refund);
		offer("keep", __("Keep as credit"), keep_as_credit);
		offer("link", __("Payment link"), payment_link);
		offer("allow_retry", __("Allow another try"), allow_retry);
		offer("fulfil", __("Retry fulfilment"), fulfil);
		offer("stop_reminders", __("Stop reminders"), stop_reminders);
		offer("review", __("Finish review"), finish_review);
		offer("issue_document", __("Issue tax document"), issue_document);
		show_history(frm);
	},
});

function pay_by_hand(frm, outstanding) {
	const fields = [
		{
			fieldname: "amount",
			label: __("Amount in {0}", [frm.doc.currency]),
			fieldtype: "Float",
			default: outstanding,
			reqd: 1,
		},
		{
			fieldname: "reference",
			label: __("Reference"),
			fieldtype: "Data",
			reqd: 1,
			description: __(
				"The number of the bank transfer or cash receipt. Each number can be recorded only once."
			),
		},
		{
			fieldname: "paid_on",
			label: __("Paid on"),
			fieldtype: "Date",
			default: frappe.datetime.get_today(),
		},
		{ fieldname: "note", label: __("Note"), fieldtype: "Small Text" },
	];
	oropendola.ask(__("Record payment"), fields, __("Record payment"), async (values) => {
		const answer = await oropendola.call("admin.record_manual_payment", {
			invoice_id: frm.doc.name,
			...values,
		});
		if (answer)
			oropendola.done(frm, __("The payment was recorded. The invoice is {0}.", [__(answer.status)]));
		return answer;
	});
}

function refund(frm, left) {
	// One key for one dialog: a second click cannot send the money back twice.
	const key = frappe.utils.get_random(24);
	const fields = [
		{
			fieldname: "amount",
			label: __("Amount in {0}", [frm.doc.currency]),
			fieldtype: "Float",
			default: left,
			reqd: 1,
			description: __("{0} can still be refunded.", [format_currency(left, frm.doc.currency)]),
		},
		{
			fieldname: "reason",
			label: __("Reason"),
			fieldtype: "Small Text",
			reqd: 1,
			description: __("The customer sees this in the refund email."),
		},
	];
	oropendola.ask(__("Refund"), fields, __("Refund payment"), async (values) => {
		const answer = await oropendola.call("refunds.create_refund", {
			invoice_id: frm.doc.name,
			idempotency_key: `${key}-${values.amount}`,
			...values,
		});
		if (answer) oropendola.done(frm, __("The refund is {0}.", [__(answer.status)]));
		return answer;
	});
}

function keep_as_credit(frm, amounts) {
	const question = __("Keep {0} as credit? It pays the next invoice of this customer.", [amounts]);
	frappe.confirm(question, async () => {
		const answer = await oropendola.call("admin.keep_as_credit", { invoice_id: frm.doc.name });
		if (answer) oropendola.done(frm, __("{0} is credit of the customer now.", [amounts]));
	});
}

function payment_link(frm, channels) {
	const fields = [
		{
			fieldname: "channel",
			label: __("How?"),
			fieldtype: "Select",
			options: channels.map((channel) => ({ value: channel, label: __(channel) })),
			default: "Copy",
			reqd: 1,
			description: __("Emails and SMS go to the customer's address on file."),
		},
		{
			fieldname: "expires_days",
			label: __("Valid for (days)"),
			fieldtype: "Int",
			depends_on: "eval:doc.channel === 'Copy'",
			description: __("Empty: as in Payment Settings."),
		},
		{ fieldname: "note", label: __("For"), fieldtype: "Data", depends_on: "eval:doc.channel === 'Copy'" },
	];
	oropendola.ask(__("Payment link"), fields, __("Create"), async ({ channel, expires_days, note }) => {
		const invoice_id = frm.doc.name;
		if (channel !== "Copy") {
			const sent = await oropendola.call("links.send", { invoice_id, channel });
			if (sent) oropendola.done(frm, __("The link was sent."));
			return sent;
		}
		const made = await oropendola.call("links.create", { invoice_id, expires_days, note });
		if (made) show_link(frm, made);
		return made;
	});
}

// The address is not stored, so it can be copied only here.
function show_link(frm, { url, qr }) {
	const image = `<p><img src="${frappe.utils.escape_html(qr)}" width="200" height="200" alt=""></p>`;
	oropendola.show_once(__("Payment link"), url, () => frm.reload_doc(), image);
}

function allow_retry(frm) {
	const fields = [
		{
			fieldname: "reason",
			label: __("Reason"),
			fieldtype: "Small Text",
			reqd: 1,
			description: __("This note is kept in the history and cannot be changed later."),
		},
	];
	oropendola.ask(__("Allow another try"), fields, __("Allow another try"), async (values) => {
		const answer = await oropendola.call("admin.allow_retry", { invoice_id: frm.doc.name, ...values });
		if (answer) oropendola.done(frm, __("The customer can try to pay this invoice once more."));
		return answer;
	});
}

function stop_reminders(frm, count) {
	frappe.confirm(__("Stop the {0} planned reminders of this invoice?", [count]), async () => {
		const method = "reminders.stop_planned_reminders";
		const answer = await oropendola.call(method, { invoice_id: frm.doc.name });
		if (answer) oropendola.done(frm, __("The reminders are stopped."));
	});
}

async function fulfil(frm) {
	const method = "subscription_renewal.apply_payment_to_subscription";
	const answer = await oropendola.call(method, { invoice_id: frm.doc.name });
	if (answer) oropendola.done(frm, __("The subscription now has what this invoice paid for."));
}

async function issue_document(frm) {
	const answer = await oropendola.call("documents.issue", { invoice_id: frm.doc.name });
	if (!answer) return;
	if (answer.problem) {
		oropendola.refuse(answer.problem);
		frm.reload_doc();
		return;
	}
	const numbers = answer.documents.join(", ");
	oropendola.done(frm, numbers ? __("Issued: {0}", [numbers]) : __("There is nothing to issue."));
}

function finish_review(frm) {
	const fields = [
		{
			fieldname: "note",
			label: __("What did you find?"),
			fieldtype: "Small Text",
			reqd: 1,
			description: __("This note is kept in the history and cannot be changed later."),
		},
	];
	oropendola.ask(__("Finish review"), fields, __("Finish review"), async (values) => {
		const answer = await oropendola.call("admin.finish_review", { invoice_id: frm.doc.name, ...values });
		if (answer) oropendola.done(frm, __("The review is finished."));
		return answer;
	});
}

async function show_history(frm) {
	const field = frm.get_field("history");
	if (frm.is_new() || !frappe.model.can_read("Payment Event")) {
		frm.toggle_display("history_section", false);
		return;
	}
	const events = await frappe.db.get_list("Payment Event", {
		filters: { invoice: frm.doc.name },
		fields: ["event", "from_status", "to_status", "source", "actor", "occurred_at", "details", "note"],
		order_by: "sequence desc",
		limit: 200,
	});
	events.reverse(); // of a long history, the latest part
	frm.get_field("history_section")?.collapse?.(false);
	field.$wrapper.html(
		events.length ? `<ol class="list-unstyled">${events.map(event_html).join("")}</ol>` : ""
	);
}

function event_html(event) {
	const text = (value) => frappe.utils.escape_html(String(value ?? ""));
	const move = [event.from_status, event.to_status]
		.filter(Boolean)
		.map((status) => text(__(status)))
		.join(" → ");
	const who = [event.source, event.actor].filter(Boolean).map(text).join(", ");
	const title = text(__(frappe.model.unscrub(event.event)));
	return `<li class="mb-3">
		<strong>${title}</strong> ${move}
		<div class="text-muted small">${text(frappe.datetime.str_to_user(event.occurred_at))} · ${who}</div>
		<div class="small">${details_html(event.details, text)}</div>
		<div class="small">${text(event.note)}</div>
	</li>`;
}

function details_html(details, text) {
	let values;
	try {
		values = JSON.parse(details || "{}");
	} catch {
		return text(details);
	}
	return Object.entries(values)
		.filter(([key, value]) => value !== null && value !== "" && key !== "note_hash")
		.map(
			([key, value]) =>
				`${text(__(frappe.model.unscrub(key)))}: ${text(typeof value === "object" ? JSON.stringify(value) : value)}`
		)
		.join(" · ");
}
