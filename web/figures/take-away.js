// Figure 13: the hero's walk and the wall as files, and the page's settings as a link.

import { latest } from "../basics/latest.js";
import { createButton } from "../parts/button.js";
import { createChoice } from "../parts/choice.js";
import { writeToClipboard } from "../parts/copy-link.js";
import { createImageGrid } from "../parts/image-grid.js";
import { createSwitch } from "../parts/switch.js";
import { createTile } from "../parts/tile.js";
import { freshId, h, setText } from "../screen/dom.js";
import { withNextFrame } from "../screen/next-frame.js";
import { valuesOf } from "../screen/paint.js";
import { createMore } from "./shared/more.js";
import {
  SIZES,
  chosen,
  gifOfWalk,
  gifOfWall,
  pngOf,
  save,
  scaleFor,
  tensorsOfWalk,
} from "./take-away/files.js";

/** @type {import("./shared/figure.js").Create} */
export function create(root, { arithmetic, loaded, shape, allSettings, linked, history, fail }) {
  const [, , height = 1, width = 1] = shape;
  /** @type {import("./take-away/files.js").Size} */
  let size = "medium";
  let resting = false;
  let disposed = false;

  const walkTile = createTile({ empty: "The walk has not started yet" });
  const wallGrid = createImageGrid({
    columns: 10,
    rows: 10,
    imageSize: [height, width],
    empty: "The wall has not started yet",
  });
  const status = h("p", { class: "notice", role: "status" });
  const progress = h("progress", { "aria-label": "Walking to the end", hidden: true });
  /** What is walked to its end before it is encoded. @type {"walk" | "wall" | null} */
  let walking = null;
  const guess = createSwitch({
    label: "The guess beside the walk in its GIF",
    value: false,
    onChange: () => show(),
  });

  /** The walk's digit and seed as part of a file's name. */
  const nameOfWalk = () => {
    const { label, seed } = allSettings.group("walk").values;
    const kind = label === null ? "any" : (loaded.info.classes[label] ?? "any");
    return `walkback-${kind.replace(/[^\w-]+/g, "-")}-seed-${seed}`;
  };
  const nameOfWall = () => `walkback-wall-seed-${allSettings.group("wall").values.seed}`;
  const walkScale = () => scaleFor(width, SIZES[size].walk);
  const wallScale = () => scaleFor(10 * width, SIZES[size].wall);
  /** Where the hero's walk stands, in words for a file's name. */
  const timeOf = () => {
    const { walk } = history.kept;
    const t = walk?.timesteps[walk.position];
    return t === undefined ? "image" : `t-${t}`;
  };

  /**
   * What a figure keeps, walked to its end.
   * @template {"walk" | "wall"} N
   * @param {N} name
   * @param {AbortSignal} signal
   */
  const whole = async (name, signal) => {
    if (history.kept[name] === undefined) throw new Error(`The ${name} has not started yet.`);
    setText(status, "Walking to the end first");
    walking = name;
    show();
    try {
      await history.kept[name]?.complete(signal);
    } finally {
      walking = null;
      show();
    }
    setText(status, "Encoding");
    const { [name]: kept } = history.kept;
    if (kept === undefined) throw new Error(`The ${name} has not started yet.`);
    return kept;
  };

  /** @typedef {(signal: AbortSignal) => Promise<{ blob: Blob, name: string } | null>} Make null: it was given up */
  const make = latest(async (signal, /** @type {Make} */ work) => {
    setText(status, "Encoding");
    const made = await work(signal);
    if (signal.aborted || made === null) return;
    const { blob, name } = made;
    save(blob, name);
    setText(status, `Saved ${name}, ${bytes(blob.size)}.`);
  }, fail);

  /**
   * A button that makes a file, and a line on what that will be.
   * @param {string} name
   * @param {Make} work
   */
  const offer = (name, work) => {
    const about = h("span", { class: "hint" });
    const button = createButton({
      name,
      icon: "save",
      shown: true,
      onPress: () => make.ask(work),
    });
    return { element: h("li", {}, button.element, about), button, about };
  };
  const framePng = offer("PNG of this frame", async () => {
    const { walk } = history.kept;
    if (walk === undefined) throw new Error("The walk has not started yet.");
    const blob = await pngOf(walk.xt, walk.shape, 1, walkScale());
    return { blob, name: `${nameOfWalk()}-${timeOf()}.png` };
  });
  const walkGif = offer("GIF of the walk", async (signal) => {
    const walk = await whole("walk", signal);
    if (signal.aborted) return null;
    const how = { scale: walkScale(), guess: guess.value };
    return { blob: await gifOfWalk(arithmetic, walk, how, signal), name: `${nameOfWalk()}.gif` };
  });
  const tensors = offer("Tensors of the walk", async (signal) => {
    const { walk } = history.kept;
    if (walk === undefined) throw new Error("The walk has not started yet.");
    const blob = await tensorsOfWalk(arithmetic, walk, signal);
    return { blob, name: `${nameOfWalk()}.safetensors` };
  });
  const wallPng = offer("PNG of the wall", async (signal) => {
    const wall = await whole("wall", signal);
    const last = wall.frames.at(-1);
    if (signal.aborted || last === undefined) return null;
    const blob = await pngOf(valuesOf(last), wall.shape, wall.columns, wallScale());
    return { blob, name: `${nameOfWall()}.png` };
  });
  const wallGif = offer("GIF of the wall", async (signal) => {
    const wall = await whole("wall", signal);
    if (signal.aborted) return null;
    const blob = await gifOfWall(arithmetic, wall, wallScale(), signal);
    return { blob, name: `${nameOfWall()}.gif` };
  });

  const sizes = createChoice({
    legend: "Size of the pictures",
    choices: [
      { value: "small", name: "small" },
      { value: "medium", name: "medium" },
      { value: "large", name: "large" },
    ],
    value: size,
    onChange: (value) => {
      size = value;
      show();
    },
  });

  const id = freshId("link");
  const address = h("input", { id, type: "text", readonly: true, spellcheck: "false" });
  address.addEventListener("focus", () => {
    address.value = allSettings.link;
    address.select();
  });
  const copy = createButton({
    name: "Copy the link",
    icon: "link",
    shown: true,
    onPress: async () => {
      address.value = allSettings.link;
      if (await writeToClipboard(address.value)) {
        setText(status, "Link copied.");
        return;
      }
      address.focus();
      setText(
        status,
        "This browser does not allow copying; the link is selected, copy it by hand.",
      );
    },
  });

  root.append(
    h(
      "div",
      { class: "take-away" },
      h(
        "div",
        { class: "take" },
        walkTile.element,
        h(
          "ul",
          { "aria-label": "The walk as files" },
          framePng.element,
          walkGif.element,
          tensors.element,
        ),
      ),
      h(
        "div",
        { class: "take" },
        wallGrid.element,
        h("ul", { "aria-label": "The wall as files" }, wallPng.element, wallGif.element),
      ),
      createMore(sizes.element, guess.element),
      h(
        "div",
        { class: "take-link" },
        h("label", { for: id }, "A link to this page with its settings"),
        h("div", { class: "with-button" }, address, copy.element),
        linked
          ? null
          : h(
              "p",
              { class: "hint" },
              "The model comes from your files and is not part of the link. Open it again wherever you open the link.",
            ),
      ),
      progress,
      status,
    ),
  );

  const show = () => {
    const { walk, wall } = history.kept;
    progress.hidden = walking === null;
    if (walking !== null) {
      const [so, all] =
        walking === "walk"
          ? [walk?.frames.length, walk?.timesteps.length]
          : [(wall?.frames.length ?? 1) - 1, wall?.steps];
      progress.max = all ?? 1;
      progress.value = so ?? 0;
    }
    for (const { button } of [framePng, walkGif, tensors]) button.disabled = walk === undefined;
    for (const { button } of [wallPng, wallGif]) button.disabled = wall === undefined;
    guess.disabled = walk === undefined;
    address.value = allSettings.link;
    if (walk !== undefined) {
      const t = walk.timesteps[walk.position];
      const where = t === undefined ? "the image" : `at t = ${t}`;
      walkTile.show(walk.xt, walk.shape, `The walk above, ${where}`);
      const scale = walkScale();
      const wide = guess.value && walk.frames.length > 0 ? 2 * width * scale + 2 : width * scale;
      setText(framePng.about, `${where}, ${width * scale} × ${height * scale} pixels`);
      const { length } = chosen(walk.timesteps.length + 1);
      const walked = walk.frames.length;
      const part =
        walked < walk.timesteps.length
          ? `; ${walked} of ${plural(walk.timesteps.length, "step")} walked so far, the rest first`
          : "";
      setText(
        walkGif.about,
        `${plural(length, "frame")}, ${wide} × ${height * scale} pixels${part}`,
      );
      setText(
        tensors.about,
        `safetensors: x_t, x_0 and eps of ${plural(walk.frames.length, "step")} as float32`,
      );
    }
    if (wall === undefined) {
      setText(wallPng.about, "once the wall has started to walk");
      setText(wallGif.about, "");
    } else {
      const last = wall.frames.at(-1);
      const walked = wall.frames.length - 1;
      if (last !== undefined) {
        const text = `The wall above after ${walked} of ${wall.steps} steps`;
        wallGrid.show(valuesOf(last), wall.shape, text);
      }
      const side = (/** @type {number} */ pixels) => 10 * (pixels * wallScale() + 2) - 2;
      setText(wallPng.about, `${side(width)} × ${side(height)} pixels`);
      const part =
        walked < wall.steps
          ? `; ${walked} of ${plural(wall.steps, "step")} walked so far, the rest first`
          : "";
      setText(wallGif.about, `${plural(wall.steps + 1, "frame")}${part}`);
    }
  };
  const soon = withNextFrame(() => {
    if (!resting && !disposed) show();
  });
  const unlisten = history.listen(soon);
  show();
  return {
    rest(value) {
      resting = value;
      make.rest(value);
      soon();
    },
    dispose() {
      disposed = true;
      unlisten();
      make.cancel();
    },
  };
}

/** @param {number} n @param {string} thing */
const plural = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** @param {number} count */
function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}
