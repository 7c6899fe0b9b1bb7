// Errors in words for the visitor.

/**
 * What an exception says, whatever was thrown; never empty.
 * @param {unknown} error
 * @returns {string}
 */
export function sentence(error) {
  if (typeof WebAssembly === "object" && error instanceof WebAssembly.RuntimeError) {
    return `the computation stopped unexpectedly: ${error.message}`;
  }
  if (error instanceof Error && error.message !== "") return error.message;
  if (typeof error === "string" && error !== "") return error;
  return "an unknown error occurred";
}

/**
 * @param {string} text
 * @returns {string} with a full stop, and a capital where it begins with a word (not with a file's name)
 */
export function asSentence(text) {
  const trimmed = text.trim();
  const capital = /^[a-z]+\b(?![-./_])/.test(trimmed)
    ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
    : trimmed;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
