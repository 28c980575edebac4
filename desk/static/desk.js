// Small helps that save a click. Every page works without them.
"use strict";

(function () {
  const body = document.body;

  // A form that has mistakes: straight to their summary.
  const errors = document.getElementById("errors");
  if (errors) errors.focus();

  // A page that the browser kept for its back button is old: load it again.
  window.addEventListener("pageshow", function (event) { if (event.persisted) window.location.reload(); });

  // Shift three times leaves the page.
  let pressed = 0;
  let last = 0;
  document.addEventListener("keydown", function (event) {
    if (event.repeat) return;
    if (event.key !== "Shift") { pressed = 0; return; }
    const now = Date.now();
    pressed = now - last < 1500 ? pressed + 1 : 1;
    last = now;
    if (pressed === 3 && body.dataset.exit) window.location.replace(body.dataset.exit);
  });

  // The idle lock is announced one minute before.
  const seconds = Number(body.dataset.lockAfter || 0);
  if (seconds > 0) {
    const note = document.getElementById("lock-soon");
    let began = Date.now();
    const tell = function () {
      const left = seconds - (Date.now() - began) / 1000;
      const isSoon = left <= 60 && left > 0;
      if (note && note.hidden === isSoon) {
        // A role that comes with the words is read out; one that stands there hidden is in the way of others.
        if (isSoon) note.setAttribute("role", "alert"); else note.removeAttribute("role");
        note.hidden = !isSoon;
      }
      if (left <= 0) window.location.assign(window.location.href);
    };
    window.setInterval(tell, 5000);
    const stay = document.getElementById("lock-stay");
    if (stay) stay.addEventListener("click", function () {
      fetch(stay.dataset.url, { credentials: "same-origin" }).then(function (answer) {
        if (answer.ok) { began = Date.now(); tell(); }
      });
    });
  }
})();
