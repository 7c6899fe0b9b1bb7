// A figure's controls and its settings, bound in one place: a control begins with the setting's value, what the
// visitor chooses with it goes into the settings, and what the address says then goes to the control.
//
//     const { controls, dispose } = bind(allSettings.group("many"), {
//       t: (options) => createSlider({ label: "Time t", min: 0, max: 999, ...options }),
//       seed: createSeed,
//     }, { changed: () => compute.ask() });

/**
 * @template {Record<string, import("./list.js").Property<any>>} P
 * @typedef {import("./kept-in-address.js").Group<P>} Group
 */
/**
 * @template P
 * @typedef {import("./list.js").Values<P>} Values
 */

/**
 * @template T
 * @typedef {object} ControlOptions what a control is created with
 * @property {T} value
 * @property {(value: T) => void} onChange
 */

/** @typedef {{ value: any, element?: HTMLElement }} Control */

/**
 * @template {Record<string, import("./list.js").Property<any>>} P
 * @template {{ [K in keyof P]?: (options: ControlOptions<K extends keyof D ? NonNullable<Values<P>[K]> : Values<P>[K]>) => Control }} C
 * @template {{ [K in keyof P]?: () => unknown }} [D={}]
 * @param {Group<P>} settings
 * @param {C} create a control for each setting that has one
 * @param {object} options
 * @param {(name: keyof C | null) => void} options.changed the visitor has changed this setting, or null: the address has, perhaps all of them
 * @param {D} [options.decided] where the page decides what the address and the visitor leave to it: what to show
 */
export function bind(settings, create, { changed, decided }) {
  /** @param {string} name */
  const shown = (name) => {
    const decide = /** @type {Record<string, (() => unknown) | undefined>} */ (decided ?? {})[name];
    return decide === undefined ? settings.values[name] : decide();
  };
  const made = Object.entries(create).map(([name, make]) => {
    /** @param {unknown} value */
    const onChange = (value) => {
      settings.set(/** @type {Partial<Values<P>>} */ ({ [name]: value }));
      changed(name);
    };
    const control = /** @type {(options: ControlOptions<any>) => Control} */ (make)({
      value: shown(name),
      onChange,
    });
    control.element?.setAttribute("data-setting", settings.key(name));
    return /** @type {[string, Control]} */ ([name, control]);
  });
  const show = () => {
    for (const [name, control] of made) control.value = shown(name);
  };
  const dispose = settings.listen(() => {
    show();
    changed(null);
  });
  return {
    controls:
      /** @type {{ [K in keyof C]: C[K] extends (options: any) => infer R ? R : never }} */ (
        Object.fromEntries(made)
      ),
    /** Shows the settings in the controls after one was changed elsewhere, or the device was. */
    show,
    /** No control follows the address any more. */
    dispose,
  };
}
