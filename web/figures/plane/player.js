// The time that the plane shows: running back or forward by itself, or standing where the visitor put it.

/** @typedef {"back" | "forward"} Direction */

/** From pure noise to the points or the other way, in milliseconds. */
const DURATION = 6000;

/** Of so many steps each is seen: the crowd glides from one state to the next. */
const SEEN_STEPS = 100;

/**
 * Which state of a walk a time shows: the last that is not past it.
 * @param {number} time with a fraction while it runs; -1 is the end
 * @param {number[]} timesteps falling
 * @param {number} computed states so far
 * @param {boolean} runs
 * @returns {{ at: number, glide: number, isThere: boolean }} glide: how far it is on the way to the next; isThere: whether the walk has come so far
 */
export function stateAt(time, timesteps, computed, runs) {
  const reached = time <= -1 ? timesteps.length : timesteps.filter((t) => t >= time).length - 1;
  const at = Math.max(0, Math.min(reached, computed - 1));
  const isThere = reached < computed;
  const [here, next] = [timesteps[at] ?? -1, timesteps[at + 1] ?? -1];
  if (!runs || timesteps.length > SEEN_STEPS || here === next) return { at, glide: 0, isThere };
  const share = Math.min(1, Math.max(0, ((here - time) / (here - next) - 0.4) / 0.6));
  return { at, glide: share * share * (3 - 2 * share), isThere };
}

export class Player {
  #last;
  #tick;
  #arrived;
  /** @type {Direction | null} */
  #direction = null;
  #resting = false;
  #frame = 0;
  /** When the time was moved last. */
  #moved = 0;
  /** The exact time, between timesteps. */
  #time;

  /**
   * @param {number} last T-1
   * @param {(time: number) => number} tick called while it runs; returns the time that could be reached
   * @param {(direction: Direction) => void} arrived
   */
  constructor(last, tick, arrived) {
    this.#last = last;
    this.#time = last;
    this.#tick = tick;
    this.#arrived = arrived;
  }

  /** Null while it stands. */
  get direction() {
    return this.#direction;
  }

  /** From -1, the points, to T-1; with a fraction while it runs. */
  get time() {
    return this.#time;
  }

  /** Stands at a time. @param {number} time */
  stand(time) {
    this.#direction = null;
    this.#time = time;
  }

  /** Runs, from a time on. @param {Direction} direction @param {number} from */
  run(direction, from) {
    this.#direction = direction;
    this.#time = from;
    this.#moved = performance.now();
    this.#soon();
  }

  /** @param {boolean} resting true: nobody looks */
  rest(resting) {
    this.#resting = resting;
    this.#moved = performance.now();
    this.#soon();
  }

  #soon() {
    cancelAnimationFrame(this.#frame);
    if (this.#direction === null || this.#resting) return;
    this.#frame = requestAnimationFrame(() => this.#move());
  }

  #move() {
    const direction = this.#direction;
    if (direction === null) return;
    const now = performance.now();
    // A frame that came late is not made up for at once.
    const way = (Math.min(100, now - this.#moved) / DURATION) * (this.#last + 1);
    this.#moved = now;
    const wish = direction === "back" ? this.#time - way : this.#time + way;
    this.#time = this.#tick(Math.min(this.#last, Math.max(-1, wish)));
    if (this.#time === (direction === "back" ? -1 : this.#last)) {
      this.#direction = null;
      this.#arrived(direction);
    } else this.#soon();
  }
}
