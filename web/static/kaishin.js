// Small comforts; every page works without them.
(() => {
  "use strict";
  const root = document.documentElement;

  // Keys act unless somebody writes, or an input method is composing; full-width ones count too.
  const writes = (at) => at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"));
  const composes = (event) => event.isComposing || event.keyCode === 229;
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const open = (id) => {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
  };
  // Up and down a list of links that is there now; before the first one comes the field itself.
  const step = (links, by, field) => {
    const at = links.findIndex((link) => link === document.activeElement || link.closest("tr, li")?.contains(document.activeElement));
    const to = links[at < 0 ? (by > 0 ? 0 : -1) : at + by];
    if (to) to.focus();
    else if (field && by < 0) field.focus();
  };
  const rows = () => [...document.querySelectorAll("main tbody tr, main [data-rows] > li")]
    .filter((row) => row.offsetParent !== null && !row.closest("details:not([open])"))
    .map((row) => row.querySelector("a")).filter(Boolean);
  document.addEventListener("keydown", (event) => {
    if (composes(event) || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "k" || event.shiftKey) return;
      event.preventDefault();
      open("palette");
      return;
    }
    if (writes(event.target) || document.querySelector("dialog[open]")) return;
    const act = {
      "/": () => { search?.focus(); search?.select(); },
      "?": () => open("keys"),
      j: () => step(rows(), 1),
      k: () => step(rows(), -1),
    }[event.key.normalize("NFKC")];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-open]") : null;
    if (button) open(button.dataset.open);
  });

  // Answers while one types. Enter goes to the first of them; arrows walk through them.
  if (search && found) {
    const links = () => [...found.querySelectorAll("a")];
    const close = () => { found.hidden = true; };
    const look = () => {
      if (search.value.trim()) window.htmx.trigger(search, "look");
      else close();
    };
    let pause;
    search.addEventListener("input", (event) => {
      clearTimeout(pause);
      if (!event.isComposing) pause = setTimeout(look, 100);
    });
    search.addEventListener("compositionend", () => { clearTimeout(pause); pause = setTimeout(look, 100); });
    search.addEventListener("htmx:beforeRequest", () => { found.dataset.asked = search.value; });
    found.addEventListener("htmx:afterSwap", () => {
      found.dataset.shown = found.dataset.asked;
      found.hidden = document.activeElement !== search || !search.value.trim();
    });
    search.form.addEventListener("keydown", (event) => {
      if (composes(event)) return;
      if (event.key === "Escape") { close(); search.focus(); }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!found.hidden) step(links(), event.key === "ArrowDown" ? 1 : -1, search);
      }
      const first = found.querySelector(".found-list a");
      if (event.key === "Enter" && event.target === search && !found.hidden && first && found.dataset.shown === search.value) {
        event.preventDefault();
        first.click();
      }
    });
    search.form.addEventListener("focusout", (event) => {
      if (!search.form.contains(event.relatedTarget)) close();
    });
  }

  // The palette keeps what has the words that are typed.
  const palette = document.getElementById("palette");
  if (palette) {
    const field = palette.querySelector("input");
    const items = [...palette.querySelectorAll(".commands > li")];
    const plain = (text) => text.normalize("NFKC").toLowerCase();
    const left = () => items.filter((item) => !item.hidden).map((item) => item.querySelector("a")).filter(Boolean);
    field.addEventListener("input", () => {
      const words = plain(field.value).split(/\s+/).filter(Boolean);
      for (const item of items) item.hidden = !words.every((word) => plain(item.textContent).includes(word));
    });
    palette.addEventListener("keydown", (event) => {
      if (composes(event)) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        step(left(), event.key === "ArrowDown" ? 1 : -1, field);
      }
      if (event.key === "Enter" && event.target === field) {
        event.preventDefault();
        left()[0]?.click();
      }
    });
  }

  // How long ago, beside the full date; counted from the server's clock.
  const relative = new Intl.RelativeTimeFormat(root.lang || "ja", { numeric: "auto" });
  const meta = document.querySelector('meta[name="server-now"]');
  const skew = meta ? Number(meta.content) - Date.now() : 0;
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const tell = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = Math.round((Date.parse(time.dateTime) - Date.now() - skew) / 1000);
      const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) || units[5];
      const ago = unit === "second" && Math.abs(seconds) < 10 ? relative.format(0, "second") : relative.format(Math.trunc(seconds / size), unit);
      if (time.dataset.said !== ago) {
        time.dataset.said = ago;
        time.title = ago;
        let beside = time.nextElementSibling;
        if (!beside?.matches(".ago")) {
          beside = document.createElement("span");
          beside.className = "ago";
          time.after(beside);
        }
        beside.textContent = ago;
      }
    }
  };
  tell();
  setInterval(tell, 5000);
  document.addEventListener("htmx:afterSettle", tell);

  // The live mark in the bar: stale pages say so instead of looking fresh. After a break, the page is read anew.
  const listening = document.querySelector("[sse-connect]") !== null;
  root.classList.toggle("has-live", listening);
  let broke = false;
  const live = (on) => root.classList.toggle("is-live", on);
  document.addEventListener("htmx:sseOpen", () => {
    live(true);
    const part = document.getElementById("live");
    if (broke && part) window.htmx.trigger(part, "again");
    broke = false;
  });
  for (const name of ["htmx:sseError", "htmx:sseClose"]) {
    document.addEventListener(name, () => { broke = true; live(false); });
  }

  // What arrives by itself takes nobody's place: not while a field is being filled, and focus, unfolded parts and
  // sideways scrolling stay. What is counted beside the list comes with it.
  const living = () => [...document.querySelectorAll("#live, [data-living]")];
  const within = (what) => living().flatMap((part) => [...part.querySelectorAll(what)]);
  const marks = "a, button, summary, [tabindex]";
  const same = (one) => one.tagName + (one.id || one.getAttribute("href") || one.textContent);
  let place = null;
  let late = false;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    if (!part || part.id !== "live") return;
    const at = living().some((one) => one.contains(document.activeElement)) ? document.activeElement : null;
    if (at && writes(at)) {
      event.detail.shouldSwap = false;
      late = true;
      return;
    }
    place = {
      at: at && same(at),
      nth: at ? within(marks).filter((one) => same(one) === same(at)).indexOf(at) : 0,
      open: within("details[open]").map((one) => same(one.querySelector("summary"))),
      across: within(".scroll, .tabs").map((one) => one.scrollLeft),
    };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!place) return;
    for (const one of within("details")) {
      if (place.open.includes(same(one.querySelector("summary")))) one.open = true;
    }
    within(".scroll, .tabs").forEach((one, n) => { one.scrollLeft = place.across[n] || 0; });
    if (place.at) within(marks).filter((one) => same(one) === place.at)[place.nth]?.focus({ preventScroll: true });
    place = null;
  });
  document.addEventListener("focusout", () => setTimeout(() => {
    const part = document.getElementById("live");
    if (!late || !part || (writes(document.activeElement) && part.contains(document.activeElement))) return;
    late = false;
    window.htmx.trigger(part, "again");
  }, 0));

  // Select fields of filters and switches act at once; their buttons are for people without script.
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && field.dataset.submit !== undefined && field.form) field.form.requestSubmit();
  });

  // The secret of a new token goes to the clipboard.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (!button || !navigator.clipboard) return;
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    navigator.clipboard.writeText(source.textContent.trim()).then(() => { button.textContent = button.dataset.copied; });
  });

  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-print]")) window.print();
  });

  // Where one is stays in sight, in a row that is wider than the screen.
  for (const here of document.querySelectorAll(".tabs [aria-current], .nav [aria-current]")) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }

  root.classList.add("has-script");
})();
