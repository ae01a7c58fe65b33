import { systemClock } from '../core/clock.ts';
import { type Configuration, type Loaded, loadConfiguration } from './load.ts';
import { renderProblems } from './problems.ts';
import type { Recording } from './recording.ts';
import type { GatewayOptions } from './schema.ts';
import { type FileWatch, watchFiles } from './watch.ts';

/** A configuration that can be put in force, and what it was read from. */
export interface GoodLoad {
  configuration: Configuration;
  recording: Recording;
  /** Absolute paths of everything that was read or looked for. */
  files: string[];
  /** Wall clock when it began. */
  loadedAtMs: number;
}

/** Why there is no configuration: every problem as one text. */
export class ConfigurationRefusedError extends Error {
  override readonly name = 'ConfigurationRefusedError';
}

type Env = Readonly<Record<string, string | undefined>>;

/** Loads the configuration that a gateway starts with, or throws a `ConfigurationRefusedError`. */
export function loadFirst(directory: string, env: Env): GoodLoad {
  const loadedAtMs = systemClock.wallMs();
  const loaded = loadConfiguration(directory, { env, nowMs: loadedAtMs });
  if (!isGood(loaded)) throw new ConfigurationRefusedError(renderProblems(loaded.problems));
  const { configuration, recording, files } = loaded;
  return { configuration, recording, files, loadedAtMs };
}

export interface KeeperOptions {
  directory: string;
  env: Env;
  first: GoodLoad;
  log: KeeperLog;
  /** Puts a configuration in force. */
  apply(configuration: Configuration, recording: Recording): void;
  /** Counts a reload; called before `apply`. */
  onReload(result: 'applied' | 'refused'): void;
}

/** The part of a logger that the keeper writes to. */
export interface KeeperLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Keeps the last good configuration: loads again when files change or somebody asks, and puts in force only what is whole. */
export class ConfigurationKeeper {
  readonly #options: KeeperOptions;
  #watch: FileWatch | undefined;
  #configuration: Configuration;
  #recording: Recording;
  #files: string[];
  #fresh = true;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { first } = options;
    this.#configuration = first.configuration;
    this.#recording = first.recording;
    this.#files = first.files;
  }

  /** Loads again whenever the files have changed; looks at them every `intervalMs`, with 0 never. */
  watch(intervalMs: number): void {
    if (intervalMs === 0) return;
    const { first, log } = this.#options;
    this.#watch = watchFiles({
      list: () => this.#files,
      intervalMs,
      loadedAtMs: first.loadedAtMs,
      onChange: () => void this.reload(),
      onError: (error) => log.error({ err: error }, 'a reload failed'),
    });
  }

  /** The configuration in force. */
  get current(): Configuration {
    return this.#configuration;
  }

  get version(): string {
    return this.#configuration.snapshot.version;
  }

  /** What the configuration in force was read from. */
  get recording(): Recording {
    return this.#recording;
  }

  /** For readiness: whether the files on disk are in force. */
  describe(): string {
    return this.#fresh
      ? 'in force'
      : 'the files on disk are refused; the last good configuration is in force';
  }

  /** True when what is on disk is in force afterwards. */
  reload(): boolean {
    const { directory, env, first, log } = this.#options;
    const { workers } = first.configuration.gateway;
    const loaded = loadConfiguration(directory, { env, nowMs: systemClock.wallMs(), workers });
    this.#files = loaded.files;
    this.#fresh = isGood(loaded);
    this.#options.onReload(this.#fresh ? 'applied' : 'refused');
    if (!isGood(loaded)) {
      log.error(
        { problems: renderProblems(loaded.problems).split('\n'), version: this.version },
        'the new configuration is refused; the last good one stays in force',
      );
      return false;
    }
    const before = this.version;
    this.#configuration = loaded.configuration;
    this.#recording = loaded.recording;
    this.#options.apply(loaded.configuration, loaded.recording);
    log.info({ before, version: this.version }, 'the new configuration is in force');
    for (const key of keysForRestart(first.configuration.gateway, loaded.configuration.gateway)) {
      log.warn({ key }, 'this part of gateway.yaml takes effect after a restart');
    }
    return true;
  }

  /** Ends the watch. */
  close(): void {
    this.#watch?.close();
  }
}

function isGood(loaded: Loaded): loaded is Loaded & { configuration: Configuration; recording: Recording } {
  return loaded.configuration !== undefined && loaded.recording !== undefined;
}

function keysForRestart(first: GatewayOptions, now: GatewayOptions): string[] {
  const keys = ['listeners', 'workers', 'http', 'store', 'telemetry', 'drain'] as const;
  return keys.filter((key) => JSON.stringify(first[key]) !== JSON.stringify(now[key]));
}
