// Buttons that have a key of their own, which stands on them. Pages without such buttons do without this.
(() => {
  "use strict";
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const at = event.target;
    if (at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"))) return;
    const key = event.key.normalize("NFKC");
    if (!/^[a-z0-9]$/.test(key) || document.querySelector("dialog[open]")) return;
    const button = [...document.querySelectorAll(`[data-key="${key}"]`)].find((one) => one.offsetParent !== null);
    if (!button) return;
    event.preventDefault();
    button.click();
  });
})();
