// Keeps what is shown as it is: asks this machine's own guide once a second. Without it the page reads itself anew.
"use strict";

const main = document.querySelector("main");
const state = main.dataset.state;
let last = null;

async function look() {
  let html;
  try {
    const answer = await fetch(state, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    html = await answer.text();
  } catch {
    // It is shown no longer. What was said last stays, and what it means is said beside it.
    document.querySelector("#gone").hidden = main.querySelector("[data-over]") !== null;
    return;
  }
  if (html !== last && last !== null) {
    const open = [...main.querySelectorAll("details[open]")].map((element) => element.id);
    const held = document.activeElement?.id;
    main.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (held) document.getElementById(held)?.focus();
  }
  last = html;
  setTimeout(look, 1000);
}

look();
