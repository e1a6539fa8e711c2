import { runScript } from '../harness/script.js';
import { Fleet } from './fleet.js';
await runScript(async () => {
  const fleet = await Fleet.start({ topology: 'single' });
  for (let i = 0; i < 8; i++) {
    for (const pod of fleet.pods) {
      const r = await fetch(pod.url + '/readyz').then((x) => x.text());
      const q = await fetch(pod.url + '/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: '{device(id:"x"){id}}' }) }).then((x) => x.text());
      console.log(pod.name, r, q.slice(0, 200), pod.mongodb.connections);
    }
    await new Promise((r) => setTimeout(r, 1000));
  }
  console.log(fleet.logs().filter((l) => !l.includes('curl')).join('\n'));
  console.log(fleet.mongodb.stdout.slice(-5), fleet.mongodb.stderr.slice(-20));
  return 0;
});
