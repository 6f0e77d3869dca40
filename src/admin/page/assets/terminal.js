// @ts-check
// The token refresh terminal: every attempt that the user may see.

import { find, h } from "./dom.js";
import { Terminal } from "./terminal_view.js";

const place = h("div", { class: "terminal" });
find("main").append(place);
globalThis.terminal = new Terminal(place);
