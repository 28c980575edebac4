// Sends the file of a form in parts and goes on where it stopped. Without this script the file comes with the form.
// Nothing is kept in the browser: the desk says how far it has got, and the digests of its pieces show that the file
// chosen again is the same one.
"use strict";

(function () {
  const TRIES = 6;

  const wait = (seconds) => new Promise((done) => window.setTimeout(done, seconds * 1000));

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (one) => one.toString(16).padStart(2, "0")).join("");

  class Stopped extends Error {}

  async function ask(url, options) {
    const answer = await fetch(url, Object.assign({ credentials: "same-origin", redirect: "manual" }, options));
    if (answer.type === "opaqueredirect") throw new Stopped("locked");
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    const value = isJson ? await answer.json() : null;
    if (answer.status === 409 && value && "taken" in value) return value;
    if (!answer.ok) throw new Stopped(value && value.error ? value.error : "");
    return value;
  }

  // Whether the whole pieces that the desk has are those of the chosen file.
  async function isSame(file, state) {
    for (let at = 0; at < state.pieces.length; at += 1) {
      const piece = await file.slice(at * state.part, (at + 1) * state.part).arrayBuffer();
      if (hex(await window.crypto.subtle.digest("SHA-256", piece)) !== state.pieces[at]) return false;
    }
    return true;
  }

  async function begin(file, url, headers) {
    for (const state of await ask(url, {})) {
      if (state.name === file.name && state.size === file.size && state.pieces.length && (await isSame(file, state))) {
        return state;
      }
    }
    const body = JSON.stringify({ name: file.name, size: file.size });
    return ask(url, { method: "POST", body: body, headers: Object.assign({ "Content-Type": "application/json" }, headers) });
  }

  async function send(file, state, url, headers, tell) {
    let tries = 0;
    let now = state;
    while (!now.complete) {
      tell(now.taken);
      const end = Math.min(file.size, now.taken + now.part);
      try {
        now = await ask(url + "/" + now.number + "?from=" + now.taken, {
          method: "POST", body: file.slice(now.taken, end),
          headers: Object.assign({ "Content-Type": "application/octet-stream" }, headers),
        });
        if (now.taken >= end) tries = 0;
        else await wait(0.5);
      } catch (error) {
        tries += 1;
        if (error instanceof Stopped || tries > TRIES) throw error;
        await wait(Math.min(20, 2 ** tries));
        try {
          const all = await ask(url, {});
          now = all.find((one) => one.number === now.number) || now;
        } catch (again) {
          if (again instanceof Stopped) throw again;
        }
      }
    }
    tell(file.size);
    return now.number;
  }

  function set_up(form) {
    const field = form.querySelector("input[type=file]");
    const number = form.querySelector("input[name=upload]");
    const box = form.querySelector("[data-upload-state]");
    const bar = box.querySelector("progress");
    const words = box.querySelector("[data-upload-words]");
    const failed = box.querySelector("[data-upload-failed]");
    const buttons = form.querySelectorAll("button");
    let told = -1;

    const tell = function (size, done) {
      const percent = size ? Math.floor((100 * done) / size) : 100;
      bar.value = percent;
      if (percent >= told + 10 || percent === 100) {
        told = percent;
        words.textContent = box.dataset.words.replace("{n}", String(percent));
      }
    };

    form.addEventListener("submit", async function (event) {
      const file = field.files && field.files[0];
      if (!file) return;
      event.preventDefault();
      failed.hidden = true;
      box.hidden = false;
      told = -1;
      buttons.forEach((one) => { one.disabled = true; });
      const headers = { "X-CSRFToken": form.querySelector("input[name=csrf_token]").value };
      const url = form.dataset.upload;
      try {
        const state = await begin(file, url, headers);
        number.value = await send(file, state, url, headers, (done) => tell(file.size, done));
        field.disabled = true; // it has arrived; the form goes without it
        form.submit();
      } catch (error) {
        failed.hidden = false;
        failed.querySelector("span").textContent = error.message && error.message !== "locked" && error instanceof Stopped
          ? error.message : box.dataset.broken;
        buttons.forEach((one) => { one.disabled = false; });
        failed.focus();
        if (error.message === "locked") HTMLFormElement.prototype.submit.call(stripped(form, field));
      }
    });
  }

  // The desk has locked: the form is sent without its file, so that what was typed is kept.
  function stripped(form, field) {
    field.disabled = true;
    return form;
  }

  document.querySelectorAll("form[data-upload]").forEach(set_up);
})();
