import { startOdooPrefork } from '../../src/demo/odoo-prefork.ts';

// One worker of Odoo in a process of its own, so that it can be killed as Odoo kills the ones that take too long. Tells its port
// to whoever started it, and ends with it.

const odoo = await startOdooPrefork({
  port: 0,
  workers: 1,
  name: process.argv[2] ?? 'worker',
  delaysMs: {},
});
process.send?.(odoo.port);
process.on('disconnect', () => process.exit());
