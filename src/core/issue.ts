/** Where a value stands inside the section that is being compiled, e.g. `["limits", 0, "rate"]`. */
export type ConfigPath = readonly (string | number)[];

/**
 * What is wrong with one configuration value. The compilers of the features report issues and go on, so that a user sees
 * all of them at once; `config/` turns the path into file, line and column.
 */
export interface Issue {
  path: ConfigPath;
  /** Characters into the scalar at `path`, for a text that has a grammar of its own (the match rule). */
  offset?: number;
  /** What is wrong, with the offending value quoted. One sentence. */
  what: string;
  /** What would happen if it were accepted. One sentence. */
  consequence: string;
  /** What to write instead. One sentence. */
  fix: string;
}

/** Gives `file:line:column` of a value inside the section that is being compiled. */
export type Locate = (path: ConfigPath) => string;
