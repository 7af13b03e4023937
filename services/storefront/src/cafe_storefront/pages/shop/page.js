// What all pages share: elements made of text alone, calls that end, and patience that is told.

import { judged, pauseMs, waitingFor } from "./logic.js";

const CALL_MS = 12000; // longer than the service itself waits for its neighbours

// An element; text is text, never markup. `props` are properties, `on…` handlers among them.
export function el(tag, props, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

export function money(minor, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export function time(instant) {
  return new Date(instant).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

// Calls the service once: {status, body}; status 0 where there was no answer.
export async function call(method, path, { body, headers } = {}) {
  try {
    const response = await fetch(path, {
      method,
      headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(CALL_MS),
      cache: "no-store",
    });
    return { status: response.status, body: await response.json() };
  } catch {
    return { status: 0, body: null };
  }
}

export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

// Says something where everybody hears of it, screen readers included; says nothing twice.
export function say(place, text, kind = "") {
  if (place.textContent !== text) place.textContent = text;
  place.className = `said ${kind}`;
  place.hidden = !text;
}

// Calls until there is an answer that is one, and says meanwhile what it waits for. `going` ends it:
// then the result is null.
export async function insist(place, ask, going = () => true) {
  for (let tries = 0; going(); tries += 1) {
    const answer = await ask();
    if (!going()) break;
    if (judged(answer) !== "again") {
      say(place, "");
      return answer;
    }
    const ms = pauseMs(tries, Math.random());
    say(place, `Waiting for ${waitingFor(answer)}. Trying again in ${Math.ceil(ms / 1000)} s.`, "waits");
    await pause(ms);
  }
  return null;
}

// What a browser keeps; one that keeps nothing (private windows, full disks) still orders.
export function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
