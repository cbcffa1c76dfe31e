// Search, filters, sorting, paging, the line of the places and the panel. Every page works without it, from links, forms
// and plain tables.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;
  // Rules of a language take a while to be read, longer than all else that a page does when it is opened: on first use.
  let plurals;
  const plural = (count) => (plurals ||= new Intl.PluralRules(language)).select(count);
  // Classes are compared as numbers (9.a before 10.b); a code is a text, even where it begins with digits.
  const collator = (key) => new Intl.Collator(language, { numeric: key !== "code" });
  // "āž" is found by "az": letters are compared without their marks.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ");

  const list = byId("pupils") || byId("catalogue") || byId("schools");
  const filters = byId("filters");
  if (list && filters) {
    filters.hidden = false;
    // What an item says is read when somebody sorts or searches, not while a long list is being opened.
    const items = [...list.querySelectorAll("tbody tr[data-code], .measure, #schools > li")].map((element) => ({
      element,
      // A name may stand where the code stood: it is sorted and found as it is read.
      get label() { return (this.read ||= (element.querySelector(".name") || element).textContent); },
      get text() { return (this.said ||= plain(element.textContent + " " + (element.dataset.code || ""))); },
    }));
    const value = (id) => (byId(id) ? byId(id).value : "");
    const choices = [...filters.querySelectorAll("[data-filter]")];
    const perPage = Number(list.dataset.perPage) || Infinity;
    let first = 0;

    const chosen = () => choices
      .map((control) => [control.dataset.filter, control.type === "checkbox" ? (control.checked ? control.value : "") : control.value])
      .filter(([, wanted]) => wanted);
    const fits = (item, wanted, sought) =>
      sought.every((word) => item.text.includes(word)) &&
      wanted.every(([name, want]) => {
        const own = item.element.getAttribute("data-" + name) || "";
        return want === "moved" ? own !== "" && own !== "same" : own === want || own.split(" ").includes(want);
      });

    const ordered = () => (list.tBodies ? [...list.tBodies[0].rows].filter((row) => row.dataset.code) : items.map((item) => item.element));
    // A long list comes in two parts of one table: what a screen shows at first, and the rest.
    let rest = list.querySelector("tbody.rest");
    const whole = () => {
      if (!rest) return;
      list.tBodies[0].append(...rest.rows);
      rest.remove();
      rest = null;
    };
    const tellPart = (count) => {
      const pager = byId("pager");
      if (!pager) return;
      pager.hidden = count <= perPage;
      byId("earlier").disabled = first === 0;
      byId("later").disabled = first + perPage >= count;
      byId("span").textContent = pager.dataset.span.replace("#first", first + 1)
        .replace("#last", Math.min(first + perPage, count)).replace("#all", count);
    };
    const turn = () => {
      whole();
      const shown = ordered().filter((element) => !element.hidden);
      if (first >= shown.length) first = 0;
      shown.forEach((element, place) => element.classList.toggle("off-page", place < first || place >= first + perPage));
      tellPart(shown.length);
      const line = byId("line");
      let above = line && line.previousElementSibling;
      while (above && above.hidden) above = above.previousElementSibling;
      if (line) line.classList.toggle("off-page", Boolean(above && above.classList.contains("off-page")));
    };

    const show = () => {
      const wanted = chosen();
      const sought = plain(value("search")).trim().split(" ").filter(Boolean);
      let count = 0;
      for (const item of items) {
        const isShown = fits(item, wanted, sought);
        item.element.hidden = !isShown;
        count += isShown ? 1 : 0;
      }
      for (const way of list.querySelectorAll(".way")) way.hidden = !way.querySelector(".measure:not([hidden])");
      byId("none").hidden = count > 0;
      const status = byId("shown");
      const pattern = status.dataset[plural(count)] || status.dataset.other;
      const text = pattern.replace("#count", count).replace("#all", items.length);
      if (status.textContent !== text) status.textContent = text;
      first = 0;
      turn();
    };
    filters.addEventListener("input", show);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("reset", () => setTimeout(() => { sort("place", 1); show(); }));

    const headers = [...list.querySelectorAll("th[data-key]")];
    const sort = (key, direction) => {
      if (!headers.length) return;
      const of = (item) => (key === "code" ? item.label : item.element.dataset[key]);
      const { compare } = collator(key);
      const order = (a, b) => direction * compare(of(a), of(b)) || a.element.dataset.place - b.element.dataset.place;
      whole();
      list.tBodies[0].append(...[...items].sort(order).map((item) => item.element));
      mark(key, direction);
      drawLine();
      first = 0;
      turn();
    };
    const mark = (key, direction) => {
      for (const header of headers) {
        const isIt = header.dataset.key === key;
        if (isIt) header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        else header.removeAttribute("aria-sort");
        header.querySelector(".arrow").textContent = isIt ? (direction > 0 ? "↑" : "↓") : "";
      }
      list.dataset.sorted = key === "place" && direction > 0 ? "place" : "";
      byId("sort").value = key;
    };
    // The line of the places stands behind the last pupil for whom there is a place, in the order of need alone.
    const drawLine = () => {
      const line = byId("line");
      if (!line) return;
      whole();
      const above = ordered().filter((row) => row.dataset.within === "yes");
      line.hidden = list.dataset.sorted !== "place";
      if (above.length) above[above.length - 1].after(line);
      else list.tBodies[0].prepend(line);
    };
    for (const header of headers) {
      const button = document.createElement("button");
      const arrow = document.createElement("span");
      button.type = "button";
      arrow.className = "arrow";
      arrow.setAttribute("aria-hidden", "true");
      button.append(...header.childNodes, arrow);
      header.append(button);
      button.addEventListener("click", () => sort(header.dataset.key, header.getAttribute("aria-sort") === "ascending" ? -1 : 1));
    }
    if (byId("sort")) byId("sort").addEventListener("change", () => sort(value("sort"), 1));
    if (byId("pager")) {
      const go = (step) => { first = Math.max(0, first + step * perPage); turn(); byId("list-title").scrollIntoView(); };
      byId("earlier").addEventListener("click", () => go(-1));
      byId("later").addEventListener("click", () => go(1));
    }
    if (headers.length) mark("place", 1);  // the order in which the page came, and its line
    if (rest && !chosen().length && !value("search")) {
      // Nothing is chosen and the number stands there already: the rest is put in order once the first screen is drawn.
      tellPart(items.length);
      requestAnimationFrame(() => setTimeout(() => { if (rest) turn(); }));
    } else {
      show();
    }

    // The head of school enters another number: the portal answers in words, and the line moves.
    const places = byId("places-form");
    if (places && list.dataset.with) {
      const move = (answer) => {
        for (const { element } of items) {
          const isWithin = Number(element.dataset.place) <= answer.places;
          element.dataset.within = isWithin ? "yes" : "no";
          const said = document.createElement("span");
          said.className = isWithin ? "yes" : "quiet";
          said.textContent = isWithin ? list.dataset.with : list.dataset.without;
          element.querySelector(".within-cell").replaceChildren(said);
        }
        byId("places-line").textContent = answer.line;
        byId("line-words").textContent = answer.line;
        byId("places-gap").textContent = answer.gap;
        byId("places-source").textContent = answer.source;
        byId("places-source").className = "source source-" + answer.state;
        drawLine();
        show();
      };
      places.addEventListener("submit", async (event) => {
        event.preventDefault();
        const said = byId("places-said");
        try {
          const answer = await fetch(places.action, {
            method: "POST", body: new URLSearchParams(new FormData(places)),
            headers: { Accept: "application/json" }, credentials: "same-origin",
          });
          const content = await answer.json();
          if (!answer.ok) { said.textContent = content.problem || places.dataset.failed; return; }
          move(content);
          said.textContent = content.line;
        } catch {
          said.textContent = places.dataset.failed;
        }
      });
    }
  }

  for (const button of document.querySelectorAll("button.print")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  const panel = byId("panel");
  if (panel) {
    const content = byId("panel-content");
    let opener = null;
    const say = (text) => { const line = document.createElement("p"); line.textContent = text; content.replaceChildren(line); };
    const open = async (link) => {
      opener = link;
      say(panel.dataset.loading);
      panel.showModal();
      try {
        const answer = await fetch(link.href + "/panel", { credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        // The part comes from this server's own renderer, which escapes; scripts in it would not run either.
        const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("one");
        if (opener !== link || !panel.open) return;  // closed meanwhile, or another one was opened
        content.replaceChildren(document.adoptNode(part));
        panel.scrollTop = 0;
        content.querySelector("h1").focus({ preventScroll: true });
      } catch {
        if (opener === link && panel.open) say(panel.dataset.failed);
      }
    };
    list.addEventListener("click", (event) => {
      const link = event.target.closest("a.open");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open(link);
    });
    byId("close").addEventListener("click", () => panel.close());
    panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
    panel.addEventListener("close", () => { content.replaceChildren(); if (opener) opener.focus(); opener = null; });
  }
})();
