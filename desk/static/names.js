// A name that was asked for hides again after a minute, also when the page stays open. The desk hides it at the next
// page in any event.
"use strict";

(function () {
  const shown = document.querySelector("[data-left]");
  if (!shown) return;
  const end = Date.now() + Number(shown.dataset.left) * 1000;
  const hide = function () {
    document.querySelectorAll("[data-named]").forEach(function (one) { one.remove(); });
    document.querySelectorAll("[data-hidden]").forEach(function (one) { one.hidden = false; });
    const button = document.querySelector("[data-hide]");
    if (button) button.closest("form").remove();
  };
  const timer = window.setInterval(function () {
    if (Date.now() < end) return;
    window.clearInterval(timer);
    hide();
  }, 250);
  // A page that comes back out of the browser's memory.
  window.addEventListener("pageshow", function (event) { if (event.persisted && Date.now() >= end) hide(); });
})();
