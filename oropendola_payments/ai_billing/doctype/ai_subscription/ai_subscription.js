frappe.ui.form.on("AI Subscription", {
	refresh(frm) {
		const actions = frm.doc.__onload?.actions || {};
		const offer = (name, label, action) => {
			if (actions[name]) frm.add_custom_button(label, () => action(frm, actions[name]));
		};
		offer("undo_cancel", __("Undo cancellation"), undo_cancellation);
		offer("cancel", __("Cancel"), cancel_subscription);
		offer("pause", __("Pause"), pause_subscription);
		offer("resume", __("Resume"), resume_subscription);
		if (frm.doc.cancel_at_period_end)
			frm.dashboard.set_headline(
				__("Cancelled. It works until {0}.", [frappe.datetime.str_to_user(frm.doc.end_date)])
			);
	},
});

function cancel_subscription(frm, { ends_on, cost, reasons }) {
	const at_end = ends_on && !frm.doc.cancel_at_period_end;
	const end = __("At the end of the period, {0}", [ends_on ? frappe.datetime.str_to_user(ends_on) : ""]);
	const now = __("Now");
	const fields = [
		{
			fieldname: "when",
			label: __("When"),
			fieldtype: "Select",
			options: at_end ? [end, now] : [now],
			default: at_end ? end : now,
			reqd: 1,
			description: cost.map(cost_of_ending_now).join(" "),
		},
		{
			fieldname: "reason",
			label: __("Reason"),
			fieldtype: "Select",
			options: ["", ...Object.entries(reasons).map(([value, label]) => ({ value, label: __(label) }))],
		},
		{ fieldname: "note", label: __("Note"), fieldtype: "Small Text" },
	];
	const cancel = async ({ when, reason, note }) => {
		const answer = await oropendola.call("admin.cancel_subscription", {
			subscription_id: frm.doc.name,
			at_period_end: when === now ? 0 : 1,
			reason,
			note,
		});
		if (answer) oropendola.done(frm, __("The subscription is {0}.", [__(answer.status)]));
		return answer;
	};
	oropendola.ask(__("Cancel this subscription"), fields, __("Cancel it"), cancel);
}

function cost_of_ending_now(part) {
	const left = __("Ended now, {0} paid days worth {1} are left.", [part.days_left, part.unused]);
	if (part.as === "refund") return `${left} ${__("The customer gets {0} back.", [part.back])}`;
	if (part.as === "credit") return `${left} ${__("The customer keeps {0} as credit.", [part.back])}`;
	return `${left} ${__("The plan gives nothing back.")}`;
}

function pause_subscription(frm, { shortest, longest }) {
	const fields = [
		{
			fieldname: "days",
			label: __("Days"),
			fieldtype: "Int",
			default: longest,
			reqd: 1,
			description: __("{0} to {1}. The paid days that are left are kept.", [shortest, longest]),
		},
	];
	const pause = ({ days }) => change(frm, "admin.pause_subscription", { days });
	oropendola.ask(__("Pause this subscription"), fields, __("Pause"), pause);
}

function resume_subscription(frm) {
	frappe.confirm(__("Resume this subscription now?"), () => change(frm, "admin.resume_subscription"));
}

function undo_cancellation(frm) {
	frappe.confirm(__("Withdraw the cancellation?"), () => change(frm, "admin.undo_cancel"));
}

async function change(frm, method, values = {}) {
	const answer = await oropendola.call(method, { subscription_id: frm.doc.name, ...values });
	if (answer) oropendola.done(frm, __("The subscription is {0}.", [__(answer.status)]));
	return answer;
}
