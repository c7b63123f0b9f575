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
          const [first, second] = [Number.parseFloat(text(one)), Number.parseFloat(text(two))];
          const isNumber = !Number.isNaN(first) && !Number.isNaN(second);
          return isNumber ? first - second : text(one).localeCompare(text(two));
        };
        const rows = [...table.tBodies[0].rows].sort(compare);
        table.tBodies[0].append(...(isDown ? rows.reverse() : rows));
      });
    });
  }
})();
