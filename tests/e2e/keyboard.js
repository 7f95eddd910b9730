// Numbers the interactive elements of a document and follows the focus through them.
(() => {
  const known = new WeakMap();
  let next = 1;
  let last = null;
  const number = (element) => {
    if (!known.has(element)) known.set(element, next++);
    return known.get(element);
  };
  const label = (element) => {
    const text = element.getAttribute("aria-label") || element.innerText || element.value || "";
    const testid = element.closest("[data-testid]")?.dataset.testid ?? "";
    return `${element.tagName.toLowerCase()} ${testid} "${String(text).trim().slice(0, 60)}"`;
  };
  const group = (element) => {
    if (element.type === "radio" && element.name) {
      return [...document.getElementsByName(element.name)];
    }
    const list = element.closest('[role="radiogroup"], [role="tablist"], [role="toolbar"]');
    return list ? [...list.querySelectorAll("input, button, [tabindex]")] : [element];
  };
  const selector =
    'a[href], button, input, select, textarea, summary, [tabindex], [contenteditable="true"]';
  const usable = (element) =>
    element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: false }) &&
    element.getClientRects().length > 0 &&
    !element.disabled &&
    element.type !== "hidden" &&
    element.type !== "file" &&
    !element.closest("[inert], [aria-hidden='true']") &&
    element.tabIndex >= 0;
  window.urbankiKeyboard = {
    interactive: () =>
      [...document.querySelectorAll(selector)]
        .filter(usable)
        .map((element) => ({ id: number(element), label: label(element) })),
    focused: () => {
      const element = document.activeElement;
      if (!document.hasFocus() || !element || element === document.body) return null;
      if (element.tagName === "IFRAME") return null;
      const backwards =
        last !== null &&
        last.isConnected &&
        (last.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING) !== 0 &&
        !element.contains(last);
      last = element;
      return { ids: [element, ...group(element)].map(number), backwards, label: label(element) };
    },
  };
})();
