// Every walk in Chromium, through a real lighttpd and the stand-in for WeChat
// Pay:
//   node tests/browser/all.mjs SETTING.json
// tests/browser/run.py starts the servers and writes the setting.  Prints TAP
// and ends in "N passed, N failed"; screenshots go to the folder it names.
import { walks as flow } from './flow.mjs';
import { walks as inside } from './inside.mjs';
import { walks as places } from './places.mjs';
import { walks as scan } from './scan.mjs';
import { run } from './walk.mjs';

const { passed, failed } = await run([flow, scan, inside, places]);

if (passed + failed === 0)
	console.log('no test is called so');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
