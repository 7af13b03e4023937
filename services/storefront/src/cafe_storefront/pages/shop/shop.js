// Choosing a store and ordering. The store is the page's fragment: /#cloudcafe.espresso-soho

import { attempt, basket, isOver, isStale, judged, number, refusal } from "./logic.js";
import { byId, call, el, insist, keep, kept, money, say } from "./page.js";

const ATTEMPT = "cafe-attempt";
const ORDERS = "cafe-orders";
const MOST_KEPT = 10;
const MOST_OF_ONE = 50;

let visit = 0; // counts page changes: what was asked for an earlier one is dropped
let pending = kept(ATTEMPT); // the one attempt that nobody knows the end of
let sending = false;

async function showStores(going) {
  const list = el("ul", { className: "stores" });
  byId("main").replaceChildren(el("h1", {}, "Where are you?"), list);
  let cursor = "";
  do {
    const path = `/shop/stores${cursor && `?cursor=${encodeURIComponent(cursor)}`}`;
    const answer = await insist(byId("said"), () => call("GET", path), going);
    if (!answer || judged(answer) !== "good") return;
    for (const id of answer.body.stores) list.append(el("li", {}, el("a", { href: `#${id}` }, id)));
    cursor = answer.body.next;
    if (cursor) await pressed(list, "More stores");
  } while (cursor && going());
  if (!list.children.length) say(byId("said"), "No store has a menu yet.");
}

function pressed(list, label) {
  return new Promise((done) => {
    const button = el("button", { type: "button", onclick: () => (button.remove(), done()) }, label);
    list.after(button);
  });
}

async function showStore(storeId, going) {
  const path = `/shop/stores/${encodeURIComponent(storeId)}`;
  const title = el("h1", {}, storeId);
  const about = el("p", {});
  const form = el("form", { id: "order", hidden: true });
  byId("main").replaceChildren(title, about, form);
  const [store, menu] = await Promise.all([
    insist(byId("said-store"), () => call("GET", path), going),
    insist(byId("said"), () => call("GET", `${path}/menu`), going),
  ]);
  if (!store || !menu) return;
  if (judged(store) === "no" || judged(menu) === "no") {
    say(byId("said"), refusal(judged(store) === "no" ? store : menu), "no");
    return;
  }
  title.textContent = store.body.name;
  about.textContent = store.body.acceptingOrders
    ? store.body.city
    : `${store.body.city}. Closed now${store.body.closedReason ? `: ${store.body.closedReason}` : ""}.`;
  fill(form, menu.body);
}

function fill(form, menu) {
  const chosen = {};
  const total = el("output", {});
  const button = el("button", { type: "submit" }, "Order");
  const count = () => {
    for (const field of form.querySelectorAll("input")) chosen[field.name] = Number(field.value) || 0;
    const now = basket(menu, chosen);
    total.textContent = now.lines.length ? `Total ${money(now.totalMinor, menu.currency)}` : "Nothing chosen yet";
    button.disabled = sending || !now.lines.length;
    return now;
  };
  const rows = menu.items.map((item) => {
    const field = el("input", {
      type: "number", name: item.sku, id: `of-${item.sku}`, min: 0, max: MOST_OF_ONE, value: 0, inputMode: "numeric",
    });
    const step = (by, label) => el("button", {
      type: "button", ariaLabel: `${label} ${item.name}`,
      onclick: () => { field.value = Math.max(0, Math.min(MOST_OF_ONE, Number(field.value) + by)); count(); },
    }, by > 0 ? "+" : "−");
    return el("li", {},
      el("label", { htmlFor: field.id }, el("b", {}, item.name), ` ${money(item.priceMinor, menu.currency)}`),
      el("span", { className: "steps" }, step(-1, "Less"), field, step(1, "More")));
  });
  form.replaceChildren(el("ul", { className: "menu" }, ...rows), el("p", { className: "pay" }, total, button));
  form.oninput = count;
  form.onsubmit = (event) => {
    event.preventDefault();
    const now = count();
    // a second click, in whichever tab, finds the first one's attempt
    pending = kept(ATTEMPT) || pending;
    if (pending) send();
    else if (now.lines.length) begin(attempt(menu.storeId, now.lines, now.totalMinor, crypto.randomUUID(), Date.now()));
  };
  form.hidden = false;
  count();
}

function begin(made) {
  pending = made;
  keep(ATTEMPT, made);
  send();
}

// Sends the attempt until its end is known: the same key and the same body each time.
async function send() {
  if (sending) return;
  sending = true;
  const button = document.querySelector("#order [type=submit]");
  if (button) button.disabled = true;
  const asked = pending;
  say(byId("said-order"), "Ordering …");
  const answer = await insist(byId("said-order"),
    () => call("POST", "/shop/orders", { body: asked.body, headers: { "Idempotency-Key": asked.key } }),
    () => !isStale(asked, Date.now()));
  sending = false;
  if (!answer) return offer();
  forget();
  if (judged(answer) === "good") return follow(answer.body.id);
  say(byId("said-order"), refusal(answer), "no");
  show(); // prices or opening hours may have changed
}

function follow(id) {
  keep(ORDERS, [id, ...(kept(ORDERS) || []).filter((one) => one !== id)].slice(0, MOST_KEPT));
  location.assign(`order.html#${id}`);
}

function forget() {
  pending = null;
  keep(ATTEMPT, null);
  byId("ask").replaceChildren();
}

// An attempt of long ago: its guest decides.
function offer() {
  say(byId("said-order"), "");
  byId("ask").replaceChildren(
    el("p", {}, `Your order of ${new Date(pending.madeAt).toLocaleString()} got no answer. It may have been taken.`),
    el("button", { type: "button", onclick: () => {
      if (isOver(pending, Date.now())) { forget(); return show(); } // the page was open for long
      byId("ask").replaceChildren();
      begin({ ...pending, askedAt: Date.now() });
    } },
      "Ask again: it is bought once at most"),
    el("button", { type: "button", onclick: () => { forget(); show(); } }, "Forget it"));
}

function show() {
  const mine = ++visit;
  const going = () => mine === visit;
  for (const id of ["said", "said-store"]) say(byId(id), "");
  const storeId = decodeURIComponent(location.hash.slice(1));
  return storeId ? showStore(storeId, going) : showStores(going);
}

byId("earlier").replaceChildren(...(kept(ORDERS) || []).map((id) =>
  el("li", {}, el("a", { href: `order.html#${id}` }, `Order ${number(id)}`))));
byId("earlier-title").hidden = !byId("earlier").children.length;
addEventListener("hashchange", () => { say(byId("said-order"), ""); show(); });
show();
if (pending && isOver(pending, Date.now())) forget();
if (pending) (isStale(pending, Date.now()) ? offer : send)();
