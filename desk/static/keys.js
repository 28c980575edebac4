// Security keys and passkeys: the one step of the desk that needs a script. Codes work without.
"use strict";

(function () {
  const toBytes = function (text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  };
  const toText = function (buffer) {
    let plain = "";
    new Uint8Array(buffer).forEach(function (one) { plain += String.fromCharCode(one); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const withBytes = function (list) {
    return (list || []).map(function (one) { return Object.assign({}, one, { id: toBytes(one.id) }); });
  };
  const post = async function (place, url, value) {
    const answer = await fetch(url, {
      method: "POST", credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": place.dataset.token },
      body: JSON.stringify(value),
    });
    if (!answer.ok) throw new Error("refused");
    return answer.json();
  };
  const answerOf = function (made) {
    const response = { clientDataJSON: toText(made.response.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (made.response[name]) response[name] = toText(made.response[name]);
    });
    return {
      id: made.id, rawId: toText(made.rawId), type: made.type, response: response,
      clientExtensionResults: made.getClientExtensionResults(),
    };
  };
  const use = async function (place) {
    const options = await post(place, place.dataset.ask, {});
    options.challenge = toBytes(options.challenge);
    options.allowCredentials = withBytes(options.allowCredentials);
    const made = await navigator.credentials.get({ publicKey: options });
    return post(place, place.dataset.send, { answer: answerOf(made) });
  };
  const add = async function (place) {
    const options = await post(place, place.dataset.ask, {});
    options.challenge = toBytes(options.challenge);
    options.user.id = toBytes(options.user.id);
    options.excludeCredentials = withBytes(options.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: options });
    const label = place.querySelector("input[name=label]");
    return post(place, place.dataset.send, { answer: answerOf(made), label: label ? label.value : "" });
  };

  document.querySelectorAll("[data-key]").forEach(function (place) {
    const button = place.querySelector("button");
    const problem = place.querySelector(".am-error");
    if (!button || !window.PublicKeyCredential) return;
    button.hidden = false;
    button.addEventListener("click", async function () {
      button.disabled = true;
      problem.hidden = true;
      try {
        const answer = await (place.dataset.key === "use" ? use(place) : add(place));
        window.location.assign(answer.location);
      } catch (error) {
        problem.hidden = false;
        button.disabled = false;
      }
    });
  });
})();
