frappe.ui.form.on("AI Plan Change", {
	refresh(frm) {
		if (frm.doc.__onload?.can_withdraw) frm.add_custom_button(__("Call off"), () => call_off(frm));
	},
});

function call_off(frm) {
	frappe.confirm(__("Call off this change? The customer keeps the current plan."), async () => {
		const answer = await oropendola.call("admin.withdraw_plan_change", { plan_change: frm.doc.name });
		if (answer) oropendola.done(frm, __("The change is {0}.", [__(answer.status)]));
	});
}
