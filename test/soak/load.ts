import { randomInt } from 'node:crypto';
import { type Outcome, type Scenario, scenarios } from './scenarios.ts';
import { SoakConnection } from './soak-connection.ts';

export interface Tally {
  started: number;
  outcomes: Record<Outcome, number>;
  /** Started requests by name of their scenario. */
  byName: Record<string, number>;
  /** What came and should not have come; the first ones, and how many there were. */
  wrong: string[];
  wrongCount: number;
}

const maxRequestsPerConnection = 200;
const maxToldWrong = 20;

/** Keeps `clients` connections busy until `signal` says stop, and what they began is over. */
export async function runLoad(
  port: number,
  { clients, without, signal }: { clients: number; without: readonly string[]; signal: AbortSignal },
): Promise<Tally> {
  const tally: Tally = {
    started: 0,
    outcomes: { answered: 0, left: 0, 'broken off': 0 },
    byName: {},
    wrong: [],
    wrongCount: 0,
  };
  const chosen = scenarios.filter(({ name }) => !without.includes(name));
  const totalWeight = chosen.reduce((sum, { weight }) => sum + weight, 0);
  const choose = (): Scenario => {
    let at = randomInt(totalWeight);
    for (const scenario of chosen) {
      at -= scenario.weight;
      if (at < 0) return scenario;
    }
    throw new RangeError('the weights do not add up');
  };
  const runClient = async (client: number): Promise<void> => {
    let connection: SoakConnection | undefined;
    for (let count = 0; !signal.aborted; count++) {
      const { name, run } = choose();
      tally.started++;
      tally.byName[name] = (tally.byName[name] ?? 0) + 1;
      try {
        connection ??= await SoakConnection.open(port);
        tally.outcomes[await run(connection, `${client}-${count}`)]++;
      } catch (error) {
        tally.wrongCount++;
        if (tally.wrong.length < maxToldWrong)
          tally.wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        connection?.destroy();
      }
      if (connection?.usable === true && count % maxRequestsPerConnection !== maxRequestsPerConnection - 1)
        continue;
      connection?.destroy();
      connection = undefined;
    }
    connection?.destroy();
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
  return tally;
}
