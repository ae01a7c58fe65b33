/** A collection that cannot grow for ever: its name in a metric, how full it is, and how full it may get. */
export interface Bounded {
  name: string;
  size: number;
  max: number;
}
