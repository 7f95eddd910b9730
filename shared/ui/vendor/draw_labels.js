// Runs after leaflet.draw.js; the texts stand in frame.js.
"use strict";
window.urbankiLabelDraw();
