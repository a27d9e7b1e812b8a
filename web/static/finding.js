// What can be typed next in a filter.
(() => {
  "use strict";
  // Narrow: the list comes first.
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".facets")?.removeAttribute("open");
  const field = document.querySelector("input[data-complete]");
  if (!field) return;
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = "suggestions";
  list.setAttribute("role", "listbox");
  list.hidden = true;
  field.after(list);
  field.role = "combobox";
  field.ariaAutoComplete = "list";
  field.ariaExpanded = "false";
  field.setAttribute("aria-controls", "suggestions");
  let offered = null;
  let chosen = -1;
  let asked = 0;
  let waiting = 0;

  const hide = () => {
    list.hidden = true;
    chosen = -1;
    field.ariaExpanded = "false";
    field.removeAttribute("aria-activedescendant");
  };

  const mark = (at) => {
    chosen = at;
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
    if (at >= 0) {
      field.setAttribute("aria-activedescendant", `suggestion-${at}`);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  };

  // Positions count characters.
  const place = () => [...field.value.slice(0, field.selectionStart ?? field.value.length)].length;

  const take = (at) => {
    const chars = [...field.value];
    const text = offered.suggestions[at].text;
    const ended = /[:<>=]$/.test(text) ? "" : " ";
    const before = chars.slice(0, offered.from).join("") + text + ended;
    field.value = before + chars.slice(offered.to).join("").replace(/^ /, "");
    field.focus();
    field.setSelectionRange(before.length, before.length);
    hide();
    if (!ended) ask();
  };

  const show = (answer) => {
    offered = answer;
    list.replaceChildren(...answer.suggestions.map((one, n) => {
      const item = document.createElement("li");
      item.id = `suggestion-${n}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      const text = document.createElement("code");
      text.textContent = one.text;
      const meaning = document.createElement("span");
      meaning.textContent = one.meaning === one.text ? "" : one.meaning;
      const count = document.createElement("span");
      count.className = "num";
      count.textContent = one.count ?? "";
      item.append(text, meaning, count);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(n); });
      return item;
    }));
    const any = answer.suggestions.length > 0 && document.activeElement === field;
    list.hidden = !any;
    field.ariaExpanded = String(any);
    mark(-1);
  };

  const ask = () => {
    const number = ++asked;
    const wanted = new URLSearchParams({ q: field.value, at: String(place()) });
    fetch(`${field.dataset.complete}?${wanted}`, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.json() : { suggestions: [] }))
      .then((answer) => { if (number === asked) show(answer); })
      .catch(hide);
  };

  field.addEventListener("input", (event) => {
    if (event.isComposing) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, 80);
  });
  field.addEventListener("compositionend", ask);
  field.addEventListener("blur", hide);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || list.hidden) return;
    const last = list.children.length - 1;
    if (event.key === "ArrowDown") mark(chosen < last ? chosen + 1 : 0);
    else if (event.key === "ArrowUp") mark(chosen > 0 ? chosen - 1 : last);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) take(chosen);
    else if (event.key === "Escape") hide();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    if (event.key === "Escape") event.stopPropagation();
  });

  // What is wrong is ready to be typed over.
  if (field.dataset.wrong) {
    const [at, length] = field.dataset.wrong.split(" ").map(Number);
    const units = (to) => [...field.value].slice(0, to).join("").length;
    field.focus();
    field.setSelectionRange(units(at), units(at + length));
  }

  const facets = document.querySelector("details.facets");
  if (facets && window.matchMedia("(max-width: 60rem)").matches) facets.open = false;
})();
