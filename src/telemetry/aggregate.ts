import { type Aggregator, AggregatorRegistry, type Registry } from 'prom-client';

/** A metric of one process at one time, as plain data that goes through a pipe as JSON. */
export interface MetricReading {
  name: string;
  help: string;
  /** `counter`, `gauge`, `histogram` or `summary`. */
  type: string;
  aggregator: Aggregator;
  values: Sample[];
}

interface Sample {
  value: number;
  labels: Partial<Record<string, string | number>>;
  /** Set where it is not the metric's own: `…_bucket`, `…_sum`, `…_count`. */
  metricName?: string;
}

/** Reads a registry. A value that is no number yet (a mean of nothing) is left out: JSON has no word for it. */
export async function readRegistry(registry: Registry): Promise<MetricReading[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map(({ name, help, type, aggregator, values }) => ({
    name,
    help,
    type: String(type),
    aggregator,
    values: values.filter(({ value }) => Number.isFinite(value)),
  }));
}

/**
 * Adds up processes that come and go. What a process has counted stays in the sums after its end, so that no counter goes
 * backwards; its gauges end with it.
 */
export class MetricTotals {
  readonly #ended = new Map<string, { metric: MetricReading; samples: Map<string, Sample> }>();

  /** Takes the last reading of a process that has ended. */
  end(reading: readonly MetricReading[]): void {
    for (const metric of reading) {
      if (metric.type !== 'counter' && metric.type !== 'histogram') continue;
      let total = this.#ended.get(metric.name);
      if (total === undefined) {
        total = { metric, samples: new Map() };
        this.#ended.set(metric.name, total);
      }
      for (const sample of metric.values) {
        // A metric names its labels in one order always.
        const key = JSON.stringify([sample.metricName, sample.labels]);
        const sum = (total.samples.get(key)?.value ?? 0) + sample.value;
        total.samples.set(key, { ...sample, value: sum });
      }
    }
  }

  /**
   * One figure for each series, in the text format of Prometheus. Where only the first figure counts it is that of the first
   * reading, which also tells since when there is a gateway.
   */
  async text(readings: readonly MetricReading[][]): Promise<{ contentType: string; text: string }> {
    const [first = [], ...others] = readings;
    const leading = first.map((metric) =>
      metric.name === 'process_start_time_seconds' ? { ...metric, aggregator: 'first' } : metric,
    );
    const ended = [...this.#ended.values()].map(({ metric, samples }) => ({
      ...metric,
      values: [...samples.values()],
    }));
    const whole = AggregatorRegistry.aggregate([leading, ...others, ended]);
    return { contentType: whole.contentType, text: await whole.metrics() };
  }
}
