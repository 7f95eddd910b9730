// Runs in the map's frame right after leaflet.js: language, labels, icon path, landmark.
"use strict";
(() => {
  const source = new URL(document.currentScript.src);
  const language = source.searchParams.get("sprache") === "en" ? "en" : "de";
  const texts = {
    de: {
      title: "Karte", zoomIn: "Vergrößern", zoomOut: "Verkleinern", layers: "Ebenen",
      rectangle: "Rechteck zeichnen", polygon: "Fläche zeichnen", marker: "Punkt setzen",
      click: "Klicken und ziehen", release: "Loslassen zum Beenden", first: "Klicken für den ersten Punkt",
      next: "Klicken für den nächsten Punkt", close: "Ersten Punkt anklicken zum Schließen",
      crossing: "Die Linien dürfen sich nicht kreuzen.", save: "Speichern", saveTitle: "Änderungen speichern",
      cancel: "Abbrechen", cancelTitle: "Abbrechen und Änderungen verwerfen", finish: "Fertig",
      finishTitle: "Zeichnung beenden", undo: "Letzten Punkt löschen", undoTitle: "Letzten gezeichneten Punkt löschen",
      edit: "Zeichnung ändern", editOff: "Keine Zeichnung zum Ändern", remove: "Zeichnung löschen",
      removeOff: "Keine Zeichnung zum Löschen", clear: "Alles löschen", clearTitle: "Alle Zeichnungen löschen",
      drag: "Punkte ziehen, um die Zeichnung zu ändern", undoHint: "Abbrechen macht Änderungen rückgängig",
      removeHint: "Zeichnung anklicken, um sie zu löschen",
    },
    en: {
      title: "Map", zoomIn: "Zoom in", zoomOut: "Zoom out", layers: "Layers",
      rectangle: "Draw a rectangle", polygon: "Draw an area", marker: "Set a point",
      click: "Click and drag", release: "Release to finish", first: "Click for the first point",
      next: "Click for the next point", close: "Click the first point to close",
      crossing: "The lines must not cross.", save: "Save", saveTitle: "Save changes",
      cancel: "Cancel", cancelTitle: "Cancel and discard changes", finish: "Finish",
      finishTitle: "Finish drawing", undo: "Delete last point", undoTitle: "Delete the last point drawn",
      edit: "Change drawing", editOff: "No drawing to change", remove: "Delete drawing",
      removeOff: "No drawing to delete", clear: "Delete all", clearTitle: "Delete all drawings",
      drag: "Drag points to change the drawing", undoHint: "Cancel undoes changes",
      removeHint: "Click a drawing to delete it",
    },
  }[language];

  document.documentElement.lang = language;
  document.title = texts.title;
  const root = document.getElementById("root") || document.body;
  root.setAttribute("role", "main");
  const heading = document.createElement("h1");
  heading.textContent = texts.title;
  heading.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);margin:0";
  root.prepend(heading);

  const style = document.createElement("style");
  style.textContent = ".leaflet-container { background: #8883; }";
  document.head.append(style);

  // folium's own header would forbid zooming with two fingers (WCAG 1.4.4).
  new MutationObserver(() => {
    document.querySelector('meta[name="viewport"][content*="user-scalable=no"]')?.remove();
  }).observe(document.head, { childList: true });

  // Style sheets are not awaited, so Leaflet would guess the path of its icons wrongly.
  L.Icon.Default.imagePath = new URL("leaflet/images/", source).href;
  L.Control.Zoom.prototype.options.zoomInTitle = texts.zoomIn;
  L.Control.Zoom.prototype.options.zoomOutTitle = texts.zoomOut;
  L.Control.Attribution.prototype.options.prefix = "Leaflet";
  L.Map.addInitHook(function labelContainer() {
    this.getContainer().setAttribute("role", "application");
    this.getContainer().setAttribute("aria-label", texts.title);
  });

  window.urbankiLabelDraw = () => {
    const draw = L.drawLocal.draw;
    draw.toolbar.actions = { title: texts.cancelTitle, text: texts.cancel };
    draw.toolbar.finish = { title: texts.finishTitle, text: texts.finish };
    draw.toolbar.undo = { title: texts.undoTitle, text: texts.undo };
    Object.assign(draw.toolbar.buttons, {
      rectangle: texts.rectangle, polygon: texts.polygon, marker: texts.marker,
    });
    draw.handlers.rectangle.tooltip.start = texts.click;
    draw.handlers.simpleshape.tooltip.end = texts.release;
    draw.handlers.polygon.tooltip = { start: texts.first, cont: texts.next, end: texts.close };
    draw.handlers.polyline.error = texts.crossing;
    draw.handlers.marker.tooltip.start = texts.first;
    const edit = L.drawLocal.edit;
    edit.toolbar.actions = {
      save: { title: texts.saveTitle, text: texts.save },
      cancel: { title: texts.cancelTitle, text: texts.cancel },
      clearAll: { title: texts.clearTitle, text: texts.clear },
    };
    edit.toolbar.buttons = {
      edit: texts.edit, editDisabled: texts.editOff,
      remove: texts.remove, removeDisabled: texts.removeOff,
    };
    edit.handlers.edit.tooltip = { text: texts.drag, subtext: texts.undoHint };
    edit.handlers.remove.tooltip.text = texts.removeHint;
  };
})();
