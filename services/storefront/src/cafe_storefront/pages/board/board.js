// The board of one store. What it holds is kept in the browser, so that it survives a reload; the
// queue has it as well until it is done.

import { number, judged, pauseMs, waitingFor } from "../logic.js";
import { byId, call, el, keep, kept, pause, say, time } from "../page.js";
import { delivered, emptyBoard, finished, heard, HOLD_MS, room, started, unheard } from "./board-logic.js";

const LOOK_MS = 2000;
const MOST_TAKEN = 10;
const MOST_HELD = 50;
const LATE_MS = 5 * 60 * 1000;

let open = 0; // counts boards that were opened: the loop of an earlier one ends
let store = "";
let board = emptyBoard();

function change(next) {
  board = next;
  keep(`cafe-board:${store}`, board);
  show();
}

function show() {
  for (const [id, making, label, press] of [
    ["new", false, "Make it", started],
    ["making", true, "Done", finished],
  ]) {
    const tickets = board.tickets.filter((one) => one.making === making);
    byId(`${id}-count`).textContent = tickets.length;
    const buttons = () => [...byId(id).querySelectorAll("button")];
    const focused = buttons().indexOf(document.activeElement);
    byId(id).replaceChildren(...tickets.map((ticket) => card(ticket, label, press)));
    // the keyboard stays in its column: on the same ticket, or on the next one
    if (focused >= 0) buttons()[Math.min(focused, tickets.length - 1)]?.focus();
  }
}

function card(ticket, label, press) {
  const late = Date.now() - new Date(ticket.placedAt) > LATE_MS;
  const button = el("button", {
    type: "button", ariaLabel: `${label}: ${number(ticket.orderId)}`, onclick: () => change(press(board, ticket.id)),
  }, label);
  return el("li", {},
    el("h3", {}, number(ticket.orderId), el("time", { dateTime: ticket.placedAt, className: late ? "late" : "" }, time(ticket.placedAt))),
    el("ul", {}, ...ticket.lines.map((line) => el("li", {}, `${line.quantity} × ${line.name}`))),
    button);
}

// One round: hand in what is done, hold what is here, take what there is room for. Returns the first
// answer that was not good, or null.
async function round(ask, sinceHeld) {
  const receipts = unheard(board, MOST_HELD);
  if (receipts.length) {
    const answer = await ask("done", { receipts });
    if (judged(answer) !== "good") return answer;
    change(heard(board, receipts));
  }
  const held = board.tickets.map((one) => one.receipt).slice(0, MOST_HELD);
  if (held.length && Date.now() - sinceHeld.at > HOLD_MS) {
    const answer = await ask("hold", { receipts: held });
    if (judged(answer) !== "good") return answer;
    sinceHeld.at = Date.now();
  }
  const most = room(board, MOST_TAKEN);
  if (most) {
    const answer = await ask("take", { most });
    if (judged(answer) !== "good") return answer;
    if (answer.body.tickets.length) change(delivered(board, answer.body.tickets));
  }
  return null;
}

async function run(key) {
  const mine = ++open;
  const path = `/board/stores/${encodeURIComponent(store)}`;
  const ask = (what, body) => call("POST", `${path}/${what}`, { body, headers: { Authorization: `Bearer ${key}` } });
  const sinceHeld = { at: 0 };
  for (let tries = 0; mine === open;) {
    const trouble = await round(ask, sinceHeld);
    if (mine !== open) return;
    if (trouble && judged(trouble) === "no") return leave(trouble.body?.detail || "This key opens no board.");
    tries = trouble ? tries + 1 : 0;
    say(byId("said"), trouble ? `Waiting for ${waitingFor(trouble)}. What is on the board stays.` : "", "waits");
    await pause(trouble ? pauseMs(tries, Math.random()) : LOOK_MS);
  }
}

async function enter(id, key) {
  store = id;
  board = kept(`cafe-board:${store}`) || emptyBoard();
  sessionStorage.setItem("cafe-staff", JSON.stringify({ store, key }));
  byId("enter").hidden = true;
  byId("board").hidden = false;
  byId("store").textContent = store;
  show();
  // two boards of one browser would overwrite each other's tickets
  if (!navigator.locks) return run(key);
  await navigator.locks.request(`cafe-board:${store}`, { ifAvailable: true }, (lock) =>
    lock ? run(key) : leave("This board is open in another window."));
}

function leave(why) {
  open += 1;
  sessionStorage.removeItem("cafe-staff");
  byId("board").hidden = true;
  byId("enter").hidden = false;
  say(byId("said"), why, why ? "no" : "");
}

byId("enter").onsubmit = (event) => {
  event.preventDefault();
  const given = new FormData(event.target);
  byId("key").value = "";
  say(byId("said"), "");
  enter(given.get("store").trim(), given.get("key").trim());
};
byId("leave").onclick = () => leave("");
setInterval(() => byId("board").hidden || show(), 30000); // what is late shows
const known = JSON.parse(sessionStorage.getItem("cafe-staff"));
if (known) enter(known.store, known.key);
