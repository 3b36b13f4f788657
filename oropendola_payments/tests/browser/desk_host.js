// What the scripts of the Desk use of Frappe's client, as Frappe 15 and 16 do it: dialogs, one dialog for all messages, forms.
(() => {
	"use strict";

	const forms = {};
	const lists = {};
	const found = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent;

	class Wrapper {
		constructor(node) {
			this.node = node;
			this.handlers = {};
		}
		on(name, handler) {
			(this.handlers[name] ??= []).push(handler);
			return this;
		}
		trigger(name) {
			for (const handler of this.handlers[name] ?? []) handler();
		}
		remove() {
			this.node.remove();
		}
		html(content) {
			this.node.innerHTML = content;
			return this;
		}
		find(selector) {
			const nodes = [...this.node.querySelectorAll(selector)];
			nodes.on = (name, handler) => nodes.forEach((node) => node.addEventListener(name, handler));
			nodes.each = (visit) => nodes.forEach((node, number) => visit(number, node));
			return nodes;
		}
	}

	class Dialog {
		constructor(options) {
			Object.assign(this, options);
			const node = document.createElement("section");
			node.className = "modal";
			node.hidden = true;
			node.innerHTML = `<h4></h4><div class="body"></div><button class="btn-primary"></button><button class="close">x</button>`;
			document.body.append(node);
			this.$wrapper = new Wrapper(node);
			this.fields_dict = {};
			this.set_title(this.title);
			for (const field of this.fields ?? []) this.add(field);
			node.querySelector(".close").onclick = () => this.hide();
			if (this.primary_action) this.set_primary_action(this.primary_action_label, this.primary_action);
		}
		get node() {
			return this.$wrapper.node;
		}
		add(field) {
			const box = document.createElement("div");
			if (field.fieldtype === "HTML") box.innerHTML = field.options ?? "";
			else if (!field.fieldtype.endsWith("Break"))
				box.innerHTML = `<input name="${field.fieldname}" value="${field.default ?? ""}">`;
			this.node.querySelector(".body").append(box);
			this.fields_dict[field.fieldname] = { df: field, $wrapper: new Wrapper(box) };
		}
		set_title(title) {
			this.node.querySelector("h4").innerHTML = title;
		}
		set_df_property() {}
		get_values() {
			const filled = [...this.node.querySelectorAll("input[name]")].filter((input) => input.value);
			return Object.fromEntries(filled.map((input) => [input.name, input.value]));
		}
		set_primary_action(label, action) {
			const button = this.node.querySelector(".btn-primary");
			button.textContent = label;
			button.onclick = () => action.call(this, this.get_values());
		}
		disable_primary_action() {} // only the look of it
		enable_primary_action() {}
		show() {
			this.node.hidden = false;
		}
		hide() {
			this.node.hidden = true;
			this.onhide?.();
			this.$wrapper.trigger("hidden.bs.modal");
		}
	}

	function msgprint(data) {
		const { title = "Message", message } = typeof data === "string" ? { message: data } : data;
		const dialog = (frappe.msg_dialog ??= new Dialog({
			title,
			onhide: () => (dialog.node.querySelector(".body").innerHTML = ""),
		}));
		dialog.node.id = "message";
		dialog.set_title(title);
		dialog.node.querySelector(".body").insertAdjacentHTML("beforeend", message);
		dialog.show();
		return dialog;
	}

	function page_of(buttons) {
		return (label, action) => {
			const button = document.createElement("button");
			button.className = "custom";
			button.textContent = label;
			button.onclick = action;
			buttons.append(button);
		};
	}

	window.__ = (text, values = []) => String(text).replace(/\{(\d)\}/g, (_all, number) => values[number]);
	window.format_currency = (value, currency) => `${currency} ${value}`;
	window.frappe = {
		csrf_token: document.querySelector("[name=csrf_token]")?.value,
		provide: (name) => (window[name] ??= {}),
		user: { has_role: () => true },
		model: { can_read: () => false },
		dom: { freeze() {}, unfreeze() {} },
		datetime: { get_today: () => "2026-11-30", str_to_user: (day) => day },
		db: { get_list: async () => [{ gateway: "payu", label: "PayU" }] },
		utils: {
			escape_html: (value) => {
				const node = document.createElement("p");
				node.textContent = value;
				return node.innerHTML;
			},
			get_random: () => String(Math.random()),
			copy_to_clipboard() {},
		},
		ui: { Dialog, form: { on: (doctype, handlers) => (forms[doctype] = handlers) } },
		listview_settings: lists,
		msgprint,
		confirm: (_question, action) => action(),
		show_alert: ({ message }) => (document.body.dataset.alert = found(message)),
	};

	window.open_form = (doctype, doc, dirty = false) => {
		document.body.innerHTML = "";
		document.body.dataset.reloads = 0;
		forms[doctype].refresh({
			doc,
			is_new: () => false,
			is_dirty: () => dirty,
			toggle_display() {},
			get_field: () => undefined,
			set_intro() {},
			dashboard: { add_comment() {}, set_headline() {} },
			add_custom_button: page_of(document.body),
			reload_doc: () => (document.body.dataset.reloads = Number(document.body.dataset.reloads) + 1),
		});
	};
	window.open_list = (doctype) => {
		document.body.innerHTML = "";
		lists[doctype].onload({ page: { add_inner_button: page_of(document.body) }, refresh() {} });
	};
})();
