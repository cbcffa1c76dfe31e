// Search, filters, sorting and the panel of the portal's pages. Every page works without it, from links and plain tables.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;
  const plural = new Intl.PluralRules(language);
  // Places and classes are compared as numbers (9.a before 10.b); a code is a text, even where it begins with digits.
  const collators = { code: new Intl.Collator(language), other: new Intl.Collator(language, { numeric: true }) };
  // "āž" is found by "az": letters are compared without their marks.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ");

  const list = byId("pupils") || byId("catalogue") || byId("schools");
  const filters = byId("filters");
  if (list && filters) {
    filters.hidden = false;
    const items = [...list.querySelectorAll("tbody tr, .measure, #schools > li")].map((element) => ({
      element,
      text: plain(element.textContent + " " + (element.dataset.code || "")),
    }));
    const value = (id) => (byId(id) ? byId(id).value : "");

    const fits = ({ element, text }) =>
      plain(value("search")).split(" ").every((word) => text.includes(word)) &&
      (!value("class") || element.dataset.class === value("class")) &&
      (!value("band") || element.dataset.band === value("band")) &&
      (!value("risk-group") || element.dataset.riskGroups.split(" ").includes(value("risk-group"))) &&
      (!byId("within") || !byId("within").checked || element.dataset.within === "yes");

    const show = () => {
      let count = 0;
      for (const item of items) {
        const isShown = fits(item);
        item.element.hidden = !isShown;
        count += isShown ? 1 : 0;
      }
      for (const way of list.querySelectorAll(".way")) way.hidden = !way.querySelector(".measure:not([hidden])");
      byId("none").hidden = count > 0;
      const status = byId("shown");
      const pattern = status.dataset[plural.select(count)] || status.dataset.other;
      const text = pattern.replace("#count", count).replace("#all", items.length);
      if (status.textContent !== text) status.textContent = text;
    };
    filters.addEventListener("input", show);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("reset", () => setTimeout(() => { sort("place", 1); show(); }));
    show();

    const headers = [...list.querySelectorAll("th[data-key]")];
    const sort = (key, direction) => {
      if (!headers.length) return;
      const order = (a, b) => direction * (collators[key] || collators.other).compare(a.element.dataset[key], b.element.dataset[key]) ||
        a.element.dataset.place - b.element.dataset.place;
      const body = list.tBodies[0];
      for (const item of [...items].sort(order)) body.append(item.element);
      for (const header of headers) {
        const isIt = header.dataset.key === key;
        if (isIt) header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        else header.removeAttribute("aria-sort");
        header.querySelector(".arrow").textContent = isIt ? (direction > 0 ? "↑" : "↓") : "";
      }
      list.dataset.sorted = key === "place" && direction > 0 ? "place" : "";
      byId("sort").value = key;
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
    if (headers.length) sort("place", 1);
    if (byId("sort")) byId("sort").addEventListener("change", () => sort(value("sort"), 1));
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
        content.replaceChildren(document.adoptNode(part));
        panel.scrollTop = 0;
        content.querySelector("h1").focus({ preventScroll: true });
      } catch {
        say(panel.dataset.failed);
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
    panel.addEventListener("close", () => { content.replaceChildren(); if (opener) opener.focus(); });
  }
})();
