// Keeps Streamlit's page in the reader's language; STREAMLIT_STRINGS stands above (assets.py).
"use strict";
(() => {
  const base = new URL("..", document.currentScript.src).href;
  // Streamlit would look for its server below every part of the path and log a 404 for each.
  window.__streamlit = { BACKEND_BASE_URL: base };

  const root = document.documentElement;
  const locales = { de: "de-DE", en: "en-GB" };
  // Calendars and number fields follow the browser; they shall follow the page.
  const locale = () => locales[root.lang] || "de-DE";
  Object.defineProperty(navigator, "language", { get: locale, configurable: true });
  Object.defineProperty(navigator, "languages", { get: () => [locale()], configurable: true });

  const texts = {
    de: {
      map: { title: "Karte", late: "Die Karte wird noch geladen …", failed: "Die Karte konnte nicht geladen werden. Die Tabelle zeigt dieselben Objekte." },
      picture: { title: "Bild", late: "Das Bild wird noch geladen …", failed: "Das Bild konnte nicht geladen werden. Die Tabelle zeigt dieselben Objekte." },
    },
    en: {
      map: { title: "Map", late: "The map is still loading …", failed: "The map could not be loaded. The table shows the same objects." },
      picture: { title: "Image", late: "The image is still loading …", failed: "The image could not be loaded. The table shows the same objects." },
    },
  };
  // On a busy computer a map may take so long; only then has something gone wrong.
  const MAP_LATE_MS = 4000;
  const MAP_FAILED_MS = 20000;
  const MAP_LOOK_MS = 1000;

  const rules = STREAMLIT_STRINGS.rule.map((rule) => ({
    within: rule.within,
    parts: rule.parts,
    exact: new Map(Object.entries(rule.exact || {})),
    patterns: (rule.pattern || []).map((entry) => ({ ...entry, find: new RegExp(entry.find, "s") })),
  }));

  const germanDate = (english) => {
    const date = new Date(english);
    return Number.isNaN(date.valueOf()) ? english : date.toLocaleDateString("de-DE", { dateStyle: "long" });
  };

  const german = (text, rule) => {
    const trimmed = text.trim();
    const exact = rule.exact.get(trimmed);
    if (exact !== undefined) return exact;
    const hit = rule.patterns.find((entry) => entry.find.test(trimmed));
    if (!hit) return null;
    return hit.date ? trimmed.replace(hit.find, (_, day) => hit.replace.replace("$1", germanDate(day)))
      : trimmed.replace(hit.find, hit.replace);
  };

  // What was replaced, so that a switch to English can put it back.
  let replaced = [];
  const MAX_REPLACED = 2000;

  const replace = (read, write, rule, node) => {
    const before = read();
    const after = german(before, rule);
    if (after === null || after === before) return;
    write(after);
    if (replaced.length > MAX_REPLACED) replaced = replaced.filter((entry) => entry.node.isConnected);
    replaced.push({ node, read, write, before, after });
  };

  const translateElement = (element, rule) => {
    for (const part of rule.parts) {
      if (part === "text") {
        for (const node of element.childNodes) {
          if (node.nodeType !== Node.TEXT_NODE) continue;
          replace(() => node.data, (text) => { node.data = text; }, rule, node);
        }
      } else if (element.hasAttribute(part)) {
        const read = () => element.getAttribute(part);
        replace(read, (text) => element.setAttribute(part, text), rule, element);
      }
    }
  };

  const putBack = () => {
    for (const entry of replaced) {
      if (entry.node.isConnected && entry.read() === entry.after) entry.write(entry.before);
    }
    replaced = [];
  };

  const translate = () => {
    if (root.lang !== "de") return;
    for (const rule of rules) {
      for (const element of document.querySelectorAll(rule.within)) translateElement(element, rule);
    }
  };

  const followLanguage = () => {
    const mark = document.querySelector("[data-urbanki-language]");
    if (!mark || mark.dataset.urbankiLanguage === root.lang) return;
    root.lang = mark.dataset.urbankiLanguage;
    if (root.lang !== "de") putBack();
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `urbanki_sprache=${root.lang}; path=/; SameSite=Strict${secure}`;
    window.dispatchEvent(new Event("languagechange"));
  };

  const markParts = () => {
    for (const part of document.querySelectorAll('[class*="st-key-lang_"]')) {
      const language = /st-key-lang_(de|en)_/.exec(part.className);
      if (language && part.lang !== language[1]) part.lang = language[1];
    }
    // Streamlit's grouped menu puts list items below a plain div, which is no list (WCAG 1.3.1).
    for (const part of document.querySelectorAll('[data-testid="stSidebarNavItems"]:has(header), [data-testid="stSidebarNavItems"]:has(header) li')) {
      if (part.getAttribute("role") !== "none") part.setAttribute("role", "none");
    }
    for (const part of document.querySelectorAll('[class*="st-key-live_"]:not([role])')) {
      part.setAttribute("role", "status");
    }
    for (const part of document.querySelectorAll('[class*="st-key-user_"]:not([data-user-content])')) {
      part.setAttribute("data-user-content", "");
    }
  };

  // Commands and file names are no German sentences; a part with a language of its own keeps it.
  const markCode = () => {
    for (const code of document.querySelectorAll("code:not([lang])")) {
      if (!code.closest("body [lang]")) code.lang = "en";
    }
  };

  // What scrolls sideways must be reachable by keyboard (WCAG 2.1.1).
  const reachScrollers = () => {
    for (const box of document.querySelectorAll('pre, [data-testid="stTable"], [data-testid="stTable"] div')) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
      if (scrolls && !box.hasAttribute("tabindex")) {
        box.tabIndex = 0;
        box.dataset.urbankiScroller = "";
      } else if (!scrolls && "urbankiScroller" in box.dataset) {
        box.removeAttribute("tabindex");
        delete box.dataset.urbankiScroller;
      }
    }
  };

  const mapWorks = (frame) => {
    try {
      return Boolean(frame.contentDocument.querySelector(".leaflet-container"));
    } catch {
      return false;
    }
  };

  const mapTexts = (frame) => texts[root.lang][frame.closest('[class*="st-key-picture_"]') ? "picture" : "map"];

  const noteMap = (frame, state, role) => {
    const notice = document.createElement("p");
    notice.setAttribute("role", role);
    notice.className = `map-${state}`;
    notice.textContent = mapTexts(frame)[state];
    return notice;
  };

  // A frame without a map has no height and needs no hiding; a late map takes every notice back.
  const followMap = (frame, notice, lookedMs) => {
    if (!frame.isConnected || mapWorks(frame)) {
      notice.remove();
      return;
    }
    let shown = notice;
    if (lookedMs >= MAP_FAILED_MS && notice.className === "map-late") {
      shown = noteMap(frame, "failed", "alert");
      notice.replaceWith(shown);
    }
    setTimeout(followMap, MAP_LOOK_MS, frame, shown, lookedMs + MAP_LOOK_MS);
  };

  const watchMaps = () => {
    for (const frame of document.querySelectorAll('iframe[title="streamlit_folium.st_folium"], iframe[data-urbanki-map]')) {
      const title = mapTexts(frame).title;
      if (frame.title !== title) frame.title = title;
      if (frame.dataset.urbankiMap) continue;
      frame.dataset.urbankiMap = "watched";
      setTimeout(() => {
        if (!frame.isConnected || mapWorks(frame)) return;
        const notice = noteMap(frame, "late", "status");
        frame.before(notice);
        followMap(frame, notice, MAP_LATE_MS);
      }, MAP_LATE_MS);
    }
  };

  // A step of a story frames a part of the page and brings it into view, once, when it is there.
  const FRAME_GAP_PX = 24;
  const FRAME_SETTLES_MS = 4000;
  let framed = "";
  let framedUntil = 0;
  const frameShown = () => {
    const mark = document.querySelector("[data-urbanki-show]");
    const wanted = mark ? `${mark.dataset.urbankiStep} ${mark.dataset.urbankiShow}` : "";
    if (wanted === framed) {
      // What comes above it afterwards must not push it away.
      if (Date.now() < framedUntil) bringIntoView(document.querySelector("[data-urbanki-shown]"), "auto");
      return;
    }
    for (const part of document.querySelectorAll("[data-urbanki-shown]")) delete part.dataset.urbankiShown;
    const part = mark && document.querySelector(`.st-key-${CSS.escape(mark.dataset.urbankiShow)}`);
    if (mark && !part) return;
    framed = wanted;
    if (!part) return;
    part.dataset.urbankiShown = "";
    framedUntil = Date.now() + FRAME_SETTLES_MS;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    bringIntoView(part, calm ? "auto" : "smooth");
  };
  const bringIntoView = (part, behavior) => {
    if (!part) return;
    const main = part.closest('[data-testid="stMain"]');
    const panel = document.querySelector(":has(> .st-key-story_panel)");
    if (!main || !panel) return;
    // Below the panel, where it stays on the screen; `scrollIntoView` would move the frame around it, too.
    const stays = getComputedStyle(panel).position === "sticky";
    const above = stays ? parseFloat(getComputedStyle(panel).top) + panel.offsetHeight : 0;
    const top = main.scrollTop + part.getBoundingClientRect().top - main.getBoundingClientRect().top - above - FRAME_GAP_PX;
    if (Math.abs(top - main.scrollTop) > 1) main.scrollTo({ top, behavior });
  };
  // From the first touch on, the visitor decides what is seen.
  for (const name of ["wheel", "pointerdown", "keydown"]) {
    document.addEventListener(name, () => { framedUntil = 0; }, { capture: true, passive: true });
  }

  // The arrow keys turn the steps, except where they do something else.
  const OWN_ARROWS = 'input, textarea, select, [contenteditable], [role="slider"], [role="radio"], [role="tab"], [role="listbox"], [role="combobox"], [data-urbanki-scroller]';
  document.addEventListener("keydown", (event) => {
    const name = { ArrowLeft: "story_back", ArrowRight: "story_next" }[event.key];
    const changed = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!name || changed || event.defaultPrevented || event.target.closest(OWN_ARROWS)) return;
    const button = document.querySelector(`.st-key-${name} button:not(:disabled)`);
    if (button) button.click();
  });

  // Where a container "typing_…" is, letters go into its field unless a button has them as its key,
  // and Enter on a control stays with that control instead of a button that has Enter as its key.
  const TEXT_FIELDS = 'input:not([type="checkbox"], [type="radio"], [type="range"]), textarea, select, [contenteditable]';
  const CONTROLS = 'a[href], button, summary, [role="button"], [role="tab"], [role="radio"], [role="switch"]';
  document.addEventListener("keydown", (event) => {
    const field = document.querySelector('[class*="st-key-typing_"] input[type="text"]');
    const changed = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    if (!field || changed || event.target.closest(TEXT_FIELDS) || document.querySelector('[role="dialog"]')) return;
    if (event.key === "Enter" && event.target.closest(CONTROLS)) event.stopPropagation();
    if (event.key.length !== 1 || event.key === " ") return;
    const letter = event.key.toLowerCase();
    const keys = [...document.querySelectorAll("button:not(:disabled) [aria-label]")];
    if (keys.some((key) => key.textContent.trim().toLowerCase() === letter)) return;
    field.focus();
    field.select();
    event.stopPropagation();
  }, { capture: true });

  let planned = false;
  const update = () => {
    planned = false;
    frameShown();
    followLanguage();
    markParts();
    markCode();
    reachScrollers();
    watchMaps();
    translate();
  };
  const plan = () => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(update);
  };
  window.addEventListener("resize", plan);
  new MutationObserver(plan).observe(root, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["aria-label", "title", "placeholder", "data-title", "class"],
  });
})();
