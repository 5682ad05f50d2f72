// Renews the list in place, so that what has the focus keeps it and nothing jumps.
"use strict";

const BUSY_MS = 3000;
const QUIET_MS = 20000;

async function renew() {
  const table = document.querySelector("#sweeps tbody");
  try {
    const answer = await fetch("/");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#sweeps tbody");
    if (answer.ok && fresh && fresh.innerHTML !== table.innerHTML) {
      const focused = document.activeElement?.getAttribute("href");
      table.replaceChildren(...fresh.children);
      if (focused) [...table.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    }
    document.documentElement.dataset.renewed = String(Date.now());
  } catch {
    document.getElementById("renewal").textContent = "The server does not answer any more; the list is as it was.";
    return;
  }
  plan();
}

function plan() {
  setTimeout(() => (document.hidden ? plan() : renew()), document.querySelector("tr[data-open]") ? BUSY_MS : QUIET_MS);
}

plan();
