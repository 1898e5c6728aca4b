import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

/** Nothing on the page as it is now breaks a rule of WCAG A or AA that a machine can check. */
async function check(page, what) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((rules) => window.axe.run(document, { runOnly: { type: 'tag', values: rules } }), RULES);
  const said = violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${what}: ${id}: ${help}\n  ${target.join(' ')}\n  ${failureSummary.replaceAll('\n', '\n  ')}`));
  assert.deepEqual(said, [], said.join('\n'));
}

for (const [size, viewport] of [
  ['a desktop', { width: 1280, height: 800 }],
  ['a phone', { width: 390, height: 844 }],
]) {
  browserTest(`all pages can be used without sight or mouse, as far as a machine can tell, on ${size}`, async (visit) => {
    const game = await visit.demo.createGame({ name: `For all on ${size}` });
    const { page } = await visit.visitor('Ada', { viewport });
    await page.goto('/');
    await page.getByRole('list', { name: 'Running games' }).getByText(/runs on server-/).first().waitFor();
    await check(page, 'lobby');
    await page.goto('/#cluster');
    await page.locator('[data-member]').first().waitFor();
    await check(page, 'cluster');
    const table = await new Table({ page }).open(game);
    await check(page, 'game, before the launch');
    await table.launch();
    await check(page, 'game');
    for (const panel of size === 'a desktop' ? ['Settings', 'Help'] : ['Settings']) {
      await table.openPanel(panel);
      await check(page, panel);
      await table.closePanel();
    }
    const guest = await visit.visitor('', { viewport });
    await guest.page.goto(`/#game=${game}`);
    await guest.page.getByLabel('Your name').waitFor();
    await check(guest.page, 'invitation');
  });
}
