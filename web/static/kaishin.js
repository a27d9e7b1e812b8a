// Small comforts; every page works without them.
(() => {
  "use strict";
  const root = document.documentElement;

  // "/" (full-width too) goes to the search field, but never while an input method is composing.
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "/" && event.key !== "／") return;
    const at = event.target;
    if (at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"))) return;
    const search = document.getElementById("search");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

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
        const beside = time.nextElementSibling;
        if (beside && beside.classList.contains("ago")) beside.textContent = ago;
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

  root.classList.add("has-script");
})();
