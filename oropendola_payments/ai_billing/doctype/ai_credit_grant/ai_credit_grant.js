frappe.ui.form.on("AI Credit Grant", {
	refresh(frm) {
		const credits = frm.doc.__onload?.credits;
		if (!credits) return;
		const text = __("{0} of {1} credits remain.", [credits.remaining, credits.granted]);
		frm.set_intro(frappe.utils.escape_html(text), "blue");
		if (frm.doc.owed) {
			const owed = __("{0} of the refunded credits had already been used or had expired.", [
				credits.owed,
			]);
			frm.dashboard.add_comment(frappe.utils.escape_html(owed), "orange", true);
		}
		if (frm.doc.overdrawn) {
			const unpaid = __("{0} credits were used beyond the balance. The next credits pay for them.", [
				credits.overdrawn,
			]);
			frm.dashboard.add_comment(frappe.utils.escape_html(unpaid), "orange", true);
		}
		if (frm.doc.__onload.can_correct)
			frm.add_custom_button(__("Correct credits"), () => correct_credits(frm));
	},
});

function correct_credits(frm) {
	const fields = [
		{
			fieldname: "credits",
			fieldtype: "Float",
			precision: 3,
			label: __("Credits"),
			reqd: 1,
			description: __("Negative to take credits away."),
		},
		{
			fieldname: "reason",
			fieldtype: "Small Text",
			label: __("Reason"),
			reqd: 1,
			description: __("The customer sees it."),
		},
	];
	// One key for one dialog: a second try after a lost answer changes nothing more.
	const key = frappe.utils.get_random(24);
	const correct = async (values) => {
		const credits = String(values.credits);
		const idempotency_key = `${key}:${credits}`;
		const args = { grant: frm.doc.name, ...values, credits, idempotency_key };
		const answer = await oropendola.call("admin.correct_credits", args);
		if (answer) oropendola.done(frm, __("Corrected. {0} credits remain.", [answer.remaining]));
		return answer;
	};
	oropendola.ask(__("Correct credits"), fields, __("Correct credits"), correct);
}
