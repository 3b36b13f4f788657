frappe.ui.form.on("AI Agent Proposal", {
	refresh(frm) {
		const allowed = frm.doc.__onload || {};
		if (allowed.can_approve)
			frm.add_custom_button(__("Approve"), () => approve(frm)).addClass("btn-primary");
		if (allowed.can_reject) frm.add_custom_button(__("Reject"), () => decide(frm, "reject"));
	},
});

function approve(frm) {
	const question = __("Approve this? It is carried out at once and cannot be undone here.");
	frappe.confirm(`${question}<br><br>${frappe.utils.escape_html(frm.doc.summary)}`, () =>
		decide(frm, "approve")
	);
}

async function decide(frm, decision) {
	const answer = await oropendola.call(`proposals.${decision}`, { proposal: frm.doc.name });
	if (answer) oropendola.done(frm, __("The proposal is {0}.", [__(answer.status)]));
}
