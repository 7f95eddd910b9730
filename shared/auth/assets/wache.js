// Takes a page away as soon as its session has ended: here, in another tab or by an administrator.
"use strict";
(() => {
  const EVERY_MS = 2000;
  let asking = false;

  const leave = () => {
    if (typeof URBANKI_KIOSK !== "undefined") {
      // Guests do not sign in: the start page begins a new session.
      location.replace("/");
      return;
    }
    const shown = encodeURIComponent(location.pathname + location.search);
    location.replace(`/konto/anmelden?ende=1&weiter=${shown}`);
  };

  const ask = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch("/konto/ping", { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) leave();
    } catch {
      // The server does not answer: the page stays, and the next question comes soon.
    } finally {
      asking = false;
    }
  };

  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
  // The back button may bring a page out of the browser's memory.
  addEventListener("pageshow", ask);
})();
