// Filters lists, and lights up the lines of one statement. The pages can be read without it.
(function () {
  "use strict";

  // ---- lines of one statement ----

  const byStatement = new Map();
  for (const line of document.querySelectorAll("[data-statement]")) {
    for (const statement of line.dataset.statement.split(" ")) {
      if (!byStatement.has(statement)) byStatement.set(statement, []);
      byStatement.get(statement).push(line);
    }
  }
  const statementsOf = (element) => (element ? element.dataset.statement.split(" ") : []);
  const tiedAt = (node) => (node instanceof Element ? node.closest("[data-statement]") : null);
  let lit = [];

  function light(line) {
    for (const one of lit) one.classList.remove("lit", "here");
    lit = statementsOf(line).flatMap((statement) => byStatement.get(statement));
    for (const one of lit) one.classList.add("lit");
    if (line) line.classList.add("here");
    if (line && !lit.includes(line)) lit.push(line);
  }

  // Without a pointer on a line: the line that has the focus, or the one that the address names.
  const resting = () => tiedAt(document.activeElement) || tiedAt(document.getElementById(location.hash.slice(1)));
  if (byStatement.size) {
    document.addEventListener("mouseover", (event) => light(tiedAt(event.target) || resting()));
    document.addEventListener("focusin", (event) => light(tiedAt(event.target) || resting()));
    document.addEventListener("focusout", () => light(resting()));
    window.addEventListener("hashchange", () => light(resting()));
    light(resting());
  }

  // ---- arrow keys between lines: one stop of the tab key for each program ----

  const columns = Array.from(document.querySelectorAll(".column"), (column) =>
    Array.from(column.querySelectorAll(".line > a[href]")));
  const stop = (column, number) => column.forEach((one) => { one.tabIndex = one === number ? 0 : -1; });
  for (const column of columns) stop(column, column[0]);
  document.addEventListener("keydown", (event) => {
    const place = columns.findIndex((column) => column.includes(document.activeElement));
    if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const column = columns[place], at = column.indexOf(document.activeElement);
    const beside = (step) => {
      const own = statementsOf(tiedAt(column[at]));
      const tied = (number) => statementsOf(tiedAt(number)).some((one) => own.includes(one));
      for (let other = place + step; columns[other]; other += step) {
        const found = columns[other].find(tied);
        if (found) return found;
      }
      return null;
    };
    const targets = {
      ArrowUp: () => column[at - 1], ArrowDown: () => column[at + 1], Home: () => column[0],
      End: () => column[column.length - 1], ArrowLeft: () => beside(-1), ArrowRight: () => beside(1),
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    const target = targets[event.key]();
    if (target) target.focus();
  });
  document.addEventListener("focusin", (event) => {
    const column = columns.find((one) => one.includes(event.target));
    if (column) stop(column, event.target);
  });

  // ---- filter ----

  const form = document.querySelector("form[data-filter]");
  if (!form) return;
  form.hidden = false;
  const search = form.querySelector("input[type=search]");
  const output = form.querySelector("output");
  const items = Array.from(document.querySelectorAll("[data-item]"), (item) =>
    ({ item, text: item.textContent.toLowerCase(), words: item.dataset.item.split(" "), link: item.querySelector("a") }));
  const tiles = new Map();
  for (const tile of document.querySelectorAll("[data-tile]")) tiles.set(tile.getAttribute("href"), tile);

  function filter() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = Array.from(form.querySelectorAll("input[name=only]:checked"), (box) => box.value);
    let count = 0;
    for (const { item, text, words, link } of items) {
      const kept = wanted.every((word) => text.includes(word)) && (!only.length || only.some((one) => words.includes(one)));
      item.hidden = !kept;
      count += kept;
      const tile = link && tiles.get(link.getAttribute("href"));
      if (tile) tile.hidden = !kept;
    }
    for (const group of document.querySelectorAll("[data-group]")) {
      group.hidden = !group.querySelector("[data-item]:not([hidden]), [data-tile]:not([hidden])");
    }
    const nothing = document.querySelector(".nothing");
    if (nothing) nothing.hidden = count > 0;
    output.textContent = wanted.length || only.length ? `${count} of ${items.length} ${form.dataset.filter}` : "";
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
    if (event.key === "Escape" && event.target === search) {
      search.value = "";
      filter();
    }
  });
  filter();
})();
