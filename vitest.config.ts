import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/system/summary-reporter.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/system/global-setup.ts'],
    reporters: ['default', new SummaryReporter()],
    testTimeout: 15_000,
    hookTimeout: 30_000,
  },
});
