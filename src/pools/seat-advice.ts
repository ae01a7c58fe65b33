// hot path: one note for each seat that is given back.
import { places } from './service-time.ts';

/** How many requests at a level say something about it. */
const leastSamples = 80;
/** How much more a smaller number of seats must get done to be worth a word. */
const worthwhile = 1.05;
/** How many requests the usual time of a kind is a mean of: so many that it is that of busy and quiet hours alike. */
const usual = 1_000;

interface Level {
  samples: number;
  /** Mean of the logarithm of how much longer requests took than those of their kind do on the whole. */
  slowness: number;
}

/**
 * Advises how many seats to have, from how long requests take beside how many others: where the database is the bottleneck,
 * workers beyond some number only make each other wait. It looks and changes nothing. `n` requests at once get
 * `n / slowness` done; what is compared is the same kind of request at different times, so whatever is slow in itself cancels out.
 */
export class SeatAdvice {
  readonly #levels: Level[] = [];
  /** Of each kind of request (`ServiceTimes.placeOf`): the mean of the logarithm of its times, and of how many. */
  readonly #usualLogs = new Float32Array(places);
  readonly #seen = new Uint16Array(places);

  /** Notes a request of a kind that began as one of `busy`. */
  note(busy: number, place: number, serviceMs: number): void {
    const log = Math.log(Math.max(0.1, serviceMs));
    const seen = Math.min(usual, (this.#seen[place] ?? 0) + 1);
    this.#seen[place] = seen;
    const usualLog = (this.#usualLogs[place] ?? 0) + (log - (this.#usualLogs[place] ?? 0)) / seen;
    this.#usualLogs[place] = usualLog;
    while (this.#levels.length <= busy) this.#levels.push({ samples: 0, slowness: 0 });
    const level = this.#levels[busy];
    if (level === undefined) return;
    level.samples++;
    level.slowness += (log - usualLog - level.slowness) / Math.min(level.samples, 4 * leastSamples);
  }

  /** The number of seats that got most done so far; all of them, unless something seen speaks against it. */
  recommend(seats: number): number {
    let best = seats;
    let most = 0;
    let top = 0;
    for (let busy = 1; busy <= seats && busy < this.#levels.length; busy++) {
      const level = this.#levels[busy];
      if (level === undefined || level.samples < leastSamples) continue;
      top = busy * Math.exp(-level.slowness);
      if (top > most) {
        most = top;
        best = busy;
      }
    }
    return most > worthwhile * top ? best : seats;
  }
}
