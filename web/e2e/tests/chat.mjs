import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';

browserTest('what is said shows for the other, and after a reload', async (visit) => {
  const game = await visit.demo.createGame({ name: 'A talk' });
  const [ada, bert] = [new Table(await visit.visitor('Ada')), new Table(await visit.visitor('Bert'))];
  await ada.open(game);
  await bert.open(game);
  await ada.say('Hello there');
  await bert.chat.getByText('Hello there').waitFor();
  await bert.say('<b>Good day</b>');
  await ada.chat.getByText('<b>Good day</b>').waitFor();
  await bert.page.reload();
  await bert.running();
  await bert.chat.getByText('Hello there').waitFor();
  await bert.chat.getByText('<b>Good day</b>').waitFor();
});

browserTest('a new name shows for everybody, and is kept', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Names' });
  const [ada, bert] = [new Table(await visit.visitor('Ada')), new Table(await visit.visitor('Bert'))];
  await ada.open(game);
  await bert.open(game);
  await ada.rename('Countess');
  await bert.page.getByRole('row', { name: /Countess/ }).waitFor();
  await ada.page.getByRole('row', { name: /Countess/ }).waitFor();
  await ada.page.goto('/');
  await ada.page.getByLabel('Your name').waitFor();
  await ada.page.waitForFunction(() => document.querySelector('input[name=player]')?.value === 'Countess');
});
