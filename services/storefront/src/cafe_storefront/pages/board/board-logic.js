// What a board knows and how it changes. Pure, so that tests run it without a browser.
//
// A board is {tickets, done}: tickets that it holds, each with `making`, and what was finished, with
// the receipt that is still to be handed in. The queue gives a ticket again, under the same id, when
// its hold has lapsed or when its end did not arrive; then its receipt is a new one.

export const MOST_NEW = 12;
export const MOST_DONE = 500;
export const HOLD_MS = 30000;

export function emptyBoard() {
  return { tickets: [], done: [] };
}

// Takes in what the queue gave. What is finished already is only to be handed in once more.
export function delivered(board, found) {
  let { tickets, done } = board;
  for (const { receipt, ...ticket } of found) {
    if (done.some((one) => one.id === ticket.id)) {
      done = done.map((one) => (one.id === ticket.id ? { ...one, receipt } : one));
    } else if (tickets.some((one) => one.id === ticket.id)) {
      tickets = tickets.map((one) => (one.id === ticket.id ? { ...one, receipt } : one));
    } else {
      tickets = [...tickets, { ...ticket, receipt, making: false }];
    }
  }
  return { tickets, done };
}

export function started(board, id) {
  return { ...board, tickets: board.tickets.map((one) => (one.id === id ? { ...one, making: true } : one)) };
}

export function finished(board, id) {
  const ticket = board.tickets.find((one) => one.id === id);
  if (!ticket) return board;
  return {
    tickets: board.tickets.filter((one) => one.id !== id),
    done: [...board.done, { id, receipt: ticket.receipt }].slice(-MOST_DONE),
  };
}

// The receipts that the queue has not heard of yet.
export function unheard(board, most) {
  return board.done.filter((one) => one.receipt).map((one) => one.receipt).slice(0, most);
}

// The queue was told; a receipt that had lapsed comes again with another.
export function heard(board, receipts) {
  const done = board.done.map((one) => (receipts.includes(one.receipt) ? { ...one, receipt: null } : one));
  return { ...board, done };
}

// How many more it has room for: what it cannot show waits on the queue, for another board too.
export function room(board, most) {
  return Math.max(0, Math.min(most, MOST_NEW - board.tickets.filter((one) => !one.making).length));
}
