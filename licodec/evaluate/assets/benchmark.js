"use strict";
(() => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isDown = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        const text = (row) => row.cells[column].textContent.replaceAll(",", "");
        const compare = (one, two) => {
          const texts = [text(one), text(two)];
          const [first, second] = texts.map(Number); // of the whole cell: 2024-01-02.png is none
          const areTexts = [Number.isNaN(first), Number.isNaN(second)];
          if (!areTexts[0] && !areTexts[1]) return first - second;
          return (
            areTexts[0] - areTexts[1] || // numbers before names, and before "-" for none
            texts[0].localeCompare(texts[1], "en", { numeric: true })
          );
        };
        const rows = [...table.tBodies[0].rows].sort(compare);
        table.tBodies[0].append(...(isDown ? rows.reverse() : rows));
      });
    });
  }
})();
