// Following an order by its id, which is the page's fragment: /order.html#0198…

import { ended, judged, mayCancel, number, sentence, timeline } from "./logic.js";
import { byId, call, el, insist, money, pause, say, time } from "./page.js";

const FIRST_MS = 1000;
const LONGEST_MS = 10000;

let visit = 0;

function show(order) {
  byId("number").textContent = number(order.id);
  document.title = `Order ${number(order.id)}: ${order.status}`;
  say(byId("sentence"), sentence(order), order.status);
  byId("steps").replaceChildren(...timeline(order).map((step) =>
    el("li", { className: step.at ? "reached" : "" }, step.label, step.at ? el("time", { dateTime: step.at }, time(step.at)) : null)));
  byId("lines").replaceChildren(...order.lines.map((line) =>
    el("li", {}, `${line.quantity} × ${line.name}, ${money(line.unitPriceMinor, order.currency)}`)));
  byId("total").textContent = `Total ${money(order.totalMinor, order.currency)}`;
  byId("again").href = `./#${order.storeId}`;
  byId("cancel").hidden = !mayCancel(order);
  byId("order").hidden = false;
}

async function follow() {
  const mine = ++visit;
  const going = () => mine === visit;
  const path = `/shop/orders/${encodeURIComponent(location.hash.slice(1))}`;
  byId("order").hidden = true;
  byId("cancel").onclick = () => cancel(path, going);
  let status = "";
  for (let ms = FIRST_MS; going(); ms = Math.min(ms * 1.5, LONGEST_MS)) {
    const answer = await insist(byId("said"), () => call("GET", path), going);
    if (!answer) return;
    if (judged(answer) === "no") return say(byId("said"), "There is no such order.", "no");
    show(answer.body);
    if (ended(answer.body)) return;
    if (answer.body.status !== status) ms = FIRST_MS;
    status = answer.body.status;
    await pause(ms);
  }
}

async function cancel(path, going) {
  byId("cancel").disabled = true;
  const answer = await insist(byId("said"), () => call("POST", `${path}/cancel`), going);
  byId("cancel").disabled = false;
  if (!answer) return;
  if (judged(answer) === "no") say(byId("said"), "It is too late to cancel: the order is paid, or has ended.", "no");
  else show(answer.body);
}

addEventListener("hashchange", follow);
follow();
