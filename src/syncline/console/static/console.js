// What pages do by themselves; every one of them works without it.
"use strict";

const ROWS = 50;

// The list of the last edits does not grow for ever.
document.addEventListener("htmx:sseMessage", () => {
  const rows = document.querySelectorAll("#entries > tr");
  for (let at = ROWS; at < rows.length; at += 1) rows[at].remove();
});

// How many records are selected, and all of a cause at once.
const boxes = () => [...document.querySelectorAll("input[form=many]")];
const tell = () => {
  const told = document.querySelector("[data-selected]");
  if (told) told.textContent = `${boxes().filter((box) => box.checked).length} selected`;
};
document.addEventListener("change", (event) => {
  if (event.target.matches("input[form=many]")) tell();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-select]");
  if (!button) return;
  const mine = boxes().filter((box) => box.dataset.cause === button.dataset.select);
  const all = mine.every((box) => box.checked);
  for (const box of mine) box.checked = !all;
  tell();
});
document.addEventListener("DOMContentLoaded", tell);
