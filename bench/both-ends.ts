import { type LoadJob, runLoad } from './load.ts';
import { announce } from './processes.ts';
import { listenAsOdoo } from './upstream.ts';

// Both ends of a measurement, the upstream and the load generator, in one process that takes jobs over IPC: `node bench/both-ends.ts`.
//
// While a job runs it never waits for events but looks for them again and again. To wake a process that sleeps is work for the one
// that writes to it, up to 9 us of a request on a virtual machine, and the slower a contender is the more often its peers sleep:
// it would be charged for its slowness twice. Peers on other machines are not woken by a write either.

let jobs = 0;

function stayAwake(): void {
  if (jobs > 0) setImmediate(stayAwake);
}

async function takeJob(job: LoadJob): Promise<void> {
  jobs++;
  stayAwake();
  const outcome = await runLoad(job);
  jobs--;
  process.send?.(outcome);
}

// A failure ends the process, and with it the run.
process.on('message', (job: LoadJob) => void takeJob(job));
announce(await listenAsOdoo());
