// What the pages decide, without a page: attempts to order, what an answer means, what an order's
// state says to its guest. Pure, so that tests run it without a browser.

const STALE_MS = 15 * 60 * 1000;
const OVER_MS = 24 * 60 * 60 * 1000; // the order service knows a key for twice as long

// The states of an order that goes well, as its guest hears of them.
const STEPS = [
  ["placed", "Received"],
  ["confirmed", "Set aside for you"],
  ["paid", "Paid"],
  ["completed", "With the baristas"],
];
const ENDS = ["completed", "rejected", "cancelled"];

// An attempt to order: its key is made once and kept until somebody knows how it ended.
export function attempt(storeId, lines, expectedTotalMinor, key, now) {
  return { key, madeAt: now, askedAt: now, body: { storeId, lines, expectedTotalMinor } };
}

// Whether an attempt is too old to be tried again unasked: its guest may have left long ago.
export function isStale(attempt, now) {
  return now - attempt.askedAt > STALE_MS;
}

// Whether an attempt is too old to be tried at all: its key might be forgotten, and buy again.
export function isOver(attempt, now) {
  return now - attempt.madeAt > OVER_MS;
}

// The lines of an order and what they cost, from the quantities by sku.
export function basket(menu, quantities) {
  const chosen = menu.items.filter((item) => quantities[item.sku] > 0);
  return {
    lines: chosen.map((item) => ({ sku: item.sku, quantity: quantities[item.sku] })),
    totalMinor: chosen.reduce((sum, item) => sum + item.priceMinor * quantities[item.sku], 0),
  };
}

export function slug(answer) {
  return String((answer.body && answer.body.type) || "").split("/").pop();
}

// What an answer means: "good", "again" (the same may succeed, and nobody knows what happened), or
// "no". A status of 0 is no answer at all.
export function judged(answer) {
  if (answer.status >= 200 && answer.status < 300) return "good";
  if (answer.status === 0 || answer.status === 429 || answer.status >= 500) return "again";
  return slug(answer) === "request-in-flight" ? "again" : "no";
}

// Milliseconds until the next try: twice as long each time, and a random share of it, so that all
// guests do not come back at once.
export function pauseMs(tries, chance, longest = 15000) {
  return Math.min(1000 * 2 ** Math.min(tries, 10), longest) * (0.75 + 0.25 * chance);
}

// Who is waited for, in a guest's words.
export function waitingFor(answer) {
  switch (slug(answer)) {
    case "menu-unavailable":
    case "menu-database-unavailable":
      return "the menu";
    case "store-queue-full":
      return "the baristas: more orders are under way than they can make";
    case "tickets-unavailable":
    case "sqs-unavailable":
    case "sqs-throttling":
      return "the tickets";
    case "request-in-flight":
      return "your first try, which is still under way";
    default:
      return answer.status === 0 ? "a connection to the cafe" : "the order service";
  }
}

// Why an order was not taken. Nothing was bought.
export function refusal(answer) {
  const detail = (answer.body && answer.body.detail) || "";
  switch (slug(answer)) {
    case "store-closed": {
      const why = detail.includes(": ") ? detail.slice(detail.indexOf(": ") + 2) : "come back later.";
      return `This store is closed: ${why} Nothing was ordered.`;
    }
    case "price-changed":
      return "The prices have changed since you looked. Please check the new total; nothing was ordered.";
    case "unknown-item":
      return "Something you chose is no longer on the menu. Please choose again; nothing was ordered.";
    case "unknown-store":
      return "There is no such store.";
    case "no-menu":
      return "This store has no menu yet. Nothing was ordered.";
    default:
      return `The cafe did not take the order. ${detail}`.trim();
  }
}

// Its number, short enough to be called out.
export function number(orderId) {
  return orderId.slice(-5).toUpperCase();
}

export function ended(order) {
  return ENDS.includes(order.status);
}

export function mayCancel(order) {
  return order.status === "placed" || order.status === "confirmed";
}

// The steps of an order with the time of each that was reached; how it ended otherwise comes last.
export function timeline(order) {
  const at = {};
  for (const entry of order.history) at[entry.status] = entry.at;
  const steps = STEPS.map(([status, label]) => ({ label, at: at[status] || null }));
  if (!ended(order) || order.status === "completed") return steps;
  const label = order.status === "cancelled" ? "Cancelled" : "Not possible";
  return [...steps.filter((step) => step.at), { label, at: at[order.status] || null }];
}

// One sentence about how it is.
export function sentence(order) {
  const last = order.history[order.history.length - 1] || {};
  const reason = last.reason || "";
  switch (order.status) {
    case "placed":
      return "We have your order and look whether everything is there.";
    case "confirmed":
      return "Everything is there. Your payment is being taken.";
    case "paid":
      return "Your payment is taken. The order goes to the baristas.";
    case "completed":
      return `Your coffee is being made. Listen for ${number(order.id)}.`;
    case "rejected":
      return `${why(reason)} Nothing was charged.`;
    case "cancelled":
      return reason.includes("by the store")
        ? "The order was cancelled. What was charged is given back."
        : `The order was cancelled: ${reason || "it could not be made"}. What was charged is given back.`;
    default:
      return `The order is ${order.status}.`;
  }
}

function why(reason) {
  if (/stock|sold out/i.test(reason)) return `Sold out: the store has no more of what you ordered (${reason}).`;
  if (/reservation|released/i.test(reason)) return "The store could not keep your order aside any longer.";
  if (/declin|card|payment/i.test(reason)) return `The payment failed: ${reason.replace(/\.$/, "")}.`;
  return `The store could not take the order${reason ? `: ${reason.replace(/\.$/, "")}` : ""}.`;
}
