// What a page complains about, kept in the page itself, for browsers whose driver does not tell: this is served in front
// of web/main.js.

/** @type {string[]} */
const complaints = [];
Object.assign(globalThis, { complaints });

const { error } = console;
console.error = (...what) => {
  complaints.push(what.join(" "));
  error.apply(console, what);
};
addEventListener(
  "error",
  ({ message, target }) => {
    const address = target instanceof Element ? (target.getAttribute("src") ?? target.tagName) : "";
    complaints.push(message ?? `${address} could not be loaded`);
  },
  true,
);
addEventListener("unhandledrejection", ({ reason }) => complaints.push(String(reason)));
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  complaints.push(`Content Security Policy: ${violatedDirective} keeps out ${blockedURI}`),
);
