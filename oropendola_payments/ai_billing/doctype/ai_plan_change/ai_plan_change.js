frappe.ui.form.on("AI Plan Change", {
	refresh(frm) {
		if (frm.doc.__onload?.can_withdraw)
			frm.add_custom_button(__("Cancel the change"), () => cancel_change(frm));
	},
});

function cancel_change(frm) {
	frappe.confirm(__("Cancel this change? The customer keeps the current plan."), async () => {
		const answer = await oropendola.call("admin.withdraw_plan_change", { plan_change: frm.doc.name });
		if (answer) oropendola.done(frm, __("The change is {0}.", [__(answer.status)]));
	});
}
