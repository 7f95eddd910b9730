// The kiosk: begins anew when nobody is there, and leads nowhere else. URBANKI_KIOSK stands above
// (kiosk_routes.py): seconds and texts.
"use strict";
(() => {
  const { idleS, countdownS, reportS, texts } = URBANKI_KIOSK;
  const START = "/";
  const ACTIVITY = ["pointerdown", "pointermove", "keydown", "touchstart", "wheel", "focusin"];
  const words = () => texts[document.documentElement.lang] || texts.de;
  const send = (path) => fetch(path, { method: "POST", body: new URLSearchParams(), cache: "no-store" });

  let lastActive = Date.now();
  let lastReport = lastActive;
  let touched = false;
  let dialog = null;
  let leaving = false;

  // Several tabs of a browser are one guest.
  const others = "BroadcastChannel" in window ? new BroadcastChannel("urbanki_kiosk") : null;

  const begin = async () => {
    if (leaving) return;
    leaving = true;
    try {
      await send("/konto/neustart");
    } catch {
      // The server does not answer: it ends the session by itself.
    }
    location.replace(START);
  };

  const goOn = () => {
    if (!dialog) return;
    const { element, before } = dialog;
    dialog = null;
    element.close();
    element.remove();
    if (before && before.isConnected) before.focus();
  };

  // While it counts, the dialog itself answers clicks and its own keys: what lies below it must not
  // be clicked by the same tap. A mouse that rolls a little does not end it.
  const OF_DIALOG = ["pointerdown", "pointermove", "touchstart", "focusin"];
  const KEYS_OF_DIALOG = ["Enter", " ", "Tab", "Escape", "Shift"];

  const note = (event) => {
    if (dialog && (OF_DIALOG.includes(event.type) || KEYS_OF_DIALOG.includes(event.key))) return;
    lastActive = Date.now();
    touched = true;
    goOn();
  };

  const fill = (template, seconds) => template.replace("{seconds}", String(seconds));

  const ask = () => {
    const { title, text, button } = words();
    const element = document.createElement("dialog");
    element.className = "kiosk-countdown";
    element.setAttribute("role", "alertdialog");
    element.setAttribute("aria-labelledby", "kiosk-countdown-title");
    element.setAttribute("aria-describedby", "kiosk-countdown-text");
    const heading = document.createElement("h2");
    heading.id = "kiosk-countdown-title";
    heading.textContent = title;
    const shown = document.createElement("p");
    shown.id = "kiosk-countdown-text";
    const said = document.createElement("p");
    said.className = "kiosk-said";
    said.setAttribute("aria-live", "assertive");
    const stay = document.createElement("button");
    stay.type = "button";
    stay.textContent = button;
    const answer = (event) => {
      event.preventDefault();
      lastActive = Date.now();
      goOn();
    };
    element.addEventListener("click", answer);
    element.addEventListener("cancel", answer);
    element.append(heading, shown, said, stay);
    document.body.append(element);
    dialog = { element, shown, said, text, before: document.activeElement };
    element.showModal();
    stay.focus();
  };

  const count = (left) => {
    const now = fill(dialog.text, left);
    dialog.shown.textContent = now;
    // Each second would drown everything else that a screen reader says.
    if (left === 10 || left === 5) dialog.said.textContent = now;
  };

  // The session of an untouched start page has nothing to lose: it is renewed without a question.
  const isFresh = () => !touched && location.pathname === START;

  const report = () => {
    if (lastActive <= lastReport || Date.now() - lastReport < reportS * 1000) return;
    lastReport = Date.now();
    // Whether the session still goes on is asked every two seconds anyway.
    send("/konto/weiter").catch(() => { /* The next report comes soon. */ });
  };

  // Events inside a frame stay there; maps are frames of our own origin.
  const known = new WeakSet();
  const watchFrames = () => {
    for (const frame of document.querySelectorAll("iframe")) {
      let inner = null;
      try {
        inner = frame.contentDocument;
      } catch {
        continue;
      }
      if (!inner || known.has(inner)) continue;
      known.add(inner);
      for (const name of ACTIVITY) inner.addEventListener(name, note, { capture: true, passive: true });
      inner.addEventListener("click", stayHere, true);
      inner.addEventListener("contextmenu", refuse, true);
    }
  };

  const isForeign = (link) => {
    const target = new URL(link.href, location.href);
    return target.origin !== location.origin || link.target === "_blank";
  };

  const unlink = () => {
    const documents = [document];
    for (const frame of document.querySelectorAll("iframe")) {
      try {
        if (frame.contentDocument) documents.push(frame.contentDocument);
      } catch { /* A frame of another origin shows nothing of ours. */ }
    }
    for (const one of documents) {
      for (const link of one.querySelectorAll("a[href]:not([download])")) {
        if (isForeign(link)) link.removeAttribute("href");
      }
    }
  };

  const refuse = (event) => event.preventDefault();

  function stayHere(event) {
    const link = event.target.closest ? event.target.closest("a[href]") : null;
    const opensWindow = event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1;
    const isDownload = link && link.hasAttribute("download");
    if (link && !isDownload && (opensWindow || isForeign(link))) {
      event.preventDefault();
      event.stopPropagation();
    }
    const restart = event.target.closest ? event.target.closest(".st-key-kiosk_restart button") : null;
    if (restart) {
      event.preventDefault();
      event.stopPropagation();
      begin();
    }
  }

  const tick = () => {
    if (leaving) return;
    watchFrames();
    unlink();
    const idleFor = Math.floor((Date.now() - lastActive) / 1000);
    if (idleFor < idleS) {
      goOn();
      report();
    } else if (!isFresh()) {
      const left = idleS + countdownS - idleFor;
      if (left <= 0) {
        begin();
        return;
      }
      if (!dialog) ask();
      count(left);
    }
  };

  for (const name of ACTIVITY) addEventListener(name, note, { capture: true, passive: true });
  // The focus goes into a frame: the page only hears that it has lost it.
  addEventListener("blur", (event) => {
    if (document.activeElement instanceof HTMLIFrameElement) note(event);
  });
  if (others) {
    others.onmessage = (message) => {
      lastActive = Math.max(lastActive, message.data);
      touched = true;
    };
    setInterval(() => {
      if (touched && Date.now() - lastActive < 2000) others.postMessage(lastActive);
    }, 1000);
  }
  addEventListener("click", stayHere, true);
  addEventListener("auxclick", stayHere, true);
  for (const name of ["contextmenu", "dragover", "drop"]) addEventListener(name, refuse, true);
  // Print, save, open, show the source.
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && "psou".includes(event.key.toLowerCase())) refuse(event);
  }, true);
  setInterval(tick, 1000);
})();
