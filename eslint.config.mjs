import js from "@eslint/js";
import globals from "globals";

const DESK = ["oropendola_payments/ai_billing/**/*.js", "oropendola_payments/public/js/payments_desk.js"];
const DESK_HOST = ["oropendola_payments/tests/browser/desk_host.js"];
const PAGES = ["oropendola_payments/public/js/*.js"];

// What the Desk has loaded before a form, a list or a report asks for its script.
const FRAPPE = {
	frappe: "readonly",
	oropendola: "readonly",
	__: "readonly",
	format_currency: "readonly",
};

// What the gateways' own scripts bring to the pay page.
const GATEWAYS = {
	Cashfree: "readonly",
	PhonePeCheckout: "readonly",
	Razorpay: "readonly",
	Stripe: "readonly",
	bolt: "readonly",
};

export default [
	{ ignores: [".benchless/", ".venv/", "node_modules/"] },
	js.configs.recommended,
	{
		rules: {
			eqeqeq: ["error", "always"],
			"no-alert": "error",
			"no-console": "error",
			"no-eval": "error",
			"no-implicit-globals": ["error", { lexicalBindings: false }],
			"no-implied-eval": "error",
			"no-shadow": "error",
			"no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
			"no-var": "error",
			"prefer-const": "error",
			"prefer-template": "error",
		},
	},
	{
		files: PAGES,
		languageOptions: { sourceType: "script", globals: { ...globals.browser, ...GATEWAYS } },
	},
	{
		files: DESK_HOST,
		languageOptions: { sourceType: "script", globals: { ...globals.browser, frappe: "readonly" } },
	},
	{
		files: DESK,
		languageOptions: { sourceType: "script", globals: { ...globals.browser, ...FRAPPE } },
		rules: {
			// Functions of a form's script are its own: Frappe runs each script inside of a function.
			"no-implicit-globals": "off",
			"no-restricted-globals": [
				"error",
				{ name: "cur_frm", message: "Take `frm`, which the event brings." },
			],
			"no-restricted-syntax": [
				"error",
				{
					selector: "CallExpression[callee.object.name='frappe'][callee.property.name='call']",
					message: "Use oropendola.call: frappe.call shows its own words for our refusals.",
				},
				{
					selector: "CallExpression[callee.object.name='frappe'][callee.property.name='prompt']",
					message: "Use oropendola.ask: frappe.prompt closes before the server has agreed.",
				},
				{
					selector: "CallExpression[callee.name='__'] > TemplateLiteral:first-child",
					message: "A text with values in it cannot be translated. Use __('… {0}', [value]).",
				},
				{
					selector: "CallExpression[callee.name='__'] > BinaryExpression:first-child",
					message: "A text made of parts cannot be translated.",
				},
				{
					selector:
						"CallExpression[callee.property.name=/^(msgprint|throw|show_alert|confirm|add_custom_button|set_intro)$/] > Literal:first-child",
					message: "What people read is translated: __('…').",
				},
			],
		},
	},
];
