frappe.ui.form.on("Payment Payout", {
	refresh(frm) {
		const facts = frm.doc.__onload;
		if (!facts) return;
		if (facts.can_check)
			frm.add_custom_button(__("Check again"), async () => {
				const answer = await oropendola.call("payouts.check", { payout: frm.doc.name });
				if (answer) oropendola.done(frm, __("Open differences: {0}.", [answer.open_differences]));
			});
		if (facts.can_reopen) frm.add_custom_button(__("Replace by next report"), () => reopen_payout(frm));
		if (facts.differences?.length) show_differences(frm, facts.differences);
	},
});

function reopen_payout(frm) {
	const fields = [
		{
			fieldtype: "HTML",
			options: __(
				"Please do this if the gateway has corrected the payout. Then import its report or fetch payouts: what it says replaces this record, and the Journal Entry of ERPNext is booked again."
			),
		},
		{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1 },
	];
	const reopen = async ({ reason }) => {
		const answer = await oropendola.call("payouts.reopen", { payout: frm.doc.name, reason });
		if (answer) frm.reload_doc();
		return answer;
	};
	oropendola.ask(__("Replace this payout by the next report"), fields, __("Replace"), reopen);
}

function show_differences(frm, differences) {
	const text = frappe.utils.escape_html;
	const rows = differences.map(
		({ name, kind, subject, difference }) =>
			`<li><a href="${frappe.utils.get_form_link("Payment Payout Difference", name)}">${text(__(kind))}</a>:
			${text(subject || "")} (${text(difference)})</li>`
	);
	frm.dashboard.set_headline(
		`${text(__("Differs from our records:"))}<ul class="mb-0">${rows.join("")}</ul>`,
		"orange"
	);
}
