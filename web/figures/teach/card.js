// What a model that was made here says of itself: the README.md of its folder.

/**
 * @param {object} about
 * @param {import("../../protocol/learning.js").Learning} about.learning
 * @param {number} about.examples how many
 */
export function cardOf({ learning, examples }) {
  const { from, step, label, shape } = learning;
  const [channels, height, width] = shape;
  const began =
    from === "model"
      ? "It began with the weights of another model."
      : "It began with random weights.";
  const asked =
    label === null
      ? "It has no labels: everything it draws is like the examples."
      : `Ask for the examples with the label ${label}, which is called "yours".`;
  return `# A model taught in a page

It learned in a browser, with walkback's page "Teach it", from ${examples} ${examples === 1 ? "example" : "examples"} of
${height} x ${width} pixels and ${channels} ${channels === 1 ? "channel" : "channels"}, in ${step} steps. ${began}

${asked}

The weights are the averaged ones. The folder is in the layout of Hugging Face diffusers: \`walkback sample\` draws with it,
the page opens it, and \`walkback train --init\` continues from it.

The examples themselves are not part of it, but a model that has seen few of them can draw them nearly as they were.
`;
}
