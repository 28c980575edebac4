// Says in words whether a passphrase is long enough. Length is what counts.
"use strict";

(function () {
  document.querySelectorAll("[data-meter]").forEach(function (note) {
    const input = document.getElementById(note.dataset.meter);
    if (!input) return;
    input.addEventListener("input", function () {
      const long = Array.from(input.value).length;
      const signs = new Set(input.value).size;
      note.hidden = long === 0;
      note.textContent = long < 12 || signs < 5 ? note.dataset.short : long < 20 ? note.dataset.fair : note.dataset.good;
    });
  });
})();
