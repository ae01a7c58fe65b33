/** One message as a parser reads it; text is latin-1, a character for a byte. */
export interface Message {
  /** Method and target, or the status. */
  start: string;
  /** Undefined where the parser does not tell. */
  version?: string;
  /** Flat list, names in lower case. */
  fields: string[];
  body: string;
  /** Whether its end has come. */
  complete: boolean;
}

/** What a parser makes of the bytes of one connection. */
export interface Reading {
  messages: Message[];
  /** Why it reads no further, if it does not. */
  over: string | undefined;
}

/** A parser; it gets the bytes in these pieces. */
export type Reader<Stream> = (stream: Stream, pieces: readonly Buffer[]) => Reading | Promise<Reading>;

/** Where the readings of the same bytes part. */
export interface Difference {
  what: string;
  ours: Message | undefined;
  theirs: Message | undefined;
}

/**
 * The first place in which what we take is not what llhttp takes. That llhttp takes what we refuse is none: being strict is
 * our business. But as long as we have not refused, both must be at the same place of the same message, or the next bytes
 * will be content to one and a message to the other.
 */
export function findDifference(ours: Reading, theirs: Reading): Difference | undefined {
  for (const [index, our] of ours.messages.entries()) {
    const their = theirs.messages[index];
    const what = their === undefined ? 'llhttp does not take it' : compareMessages(our, their, ours.over);
    if (what !== undefined)
      return {
        what: theirs.over === undefined ? what : `${what} (${theirs.over})`,
        ours: our,
        theirs: their,
      };
  }
  const next = theirs.messages[ours.messages.length];
  if (ours.over !== undefined || next === undefined) return undefined;
  return { what: 'llhttp takes a further message where we wait', ours: undefined, theirs: next };
}

function compareMessages(our: Message, their: Message, over: string | undefined): string | undefined {
  if (our.start !== their.start) return 'the first lines differ';
  if (our.version !== undefined && our.version !== their.version) return 'the versions differ';
  if (JSON.stringify(our.fields) !== JSON.stringify(their.fields)) return 'the fields differ';
  // Refused within the body, which is then nobody's.
  if (!our.complete && over !== undefined) return undefined;
  if (our.complete !== their.complete)
    return our.complete ? 'llhttp waits for more of it' : 'llhttp waits for no more of it';
  return our.body === their.body ? undefined : 'the bodies differ';
}
