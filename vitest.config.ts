import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/system/summary-reporter.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/system/global-setup.ts'],
    reporters: ['default', new SummaryReporter()],
    // Many files wait for processes and sockets, so one for each core is not too many.
    maxWorkers: '100%',
    testTimeout: 15_000,
    hookTimeout: 30_000,
  },
});
