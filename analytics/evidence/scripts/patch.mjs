// After npm install: what the pinned packages need to work together. Fails when it no longer fits.
// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';

const packages = new URL('../node_modules/@evidence-dev/', import.meta.url);
const usql = 'universal-sql/src/client-duckdb/';

// Settings that the pinned duckdb-wasm does not know; its defaults are what they ask for.
const settings = /(?<!\/\/ )await connection\.query\('SET (ieee_floating_point_ops|old_implicit_casting) = \w+;'\);/g;
// Five seconds are short for loading the engine over a slow line.
const timeout = /(?<=database'\)\), )5000(?=\))/g;
// Times on the axes of charts are UTC, as everywhere else, and not the browser's.
const config = /(?<=\.setOption\(\s*\{\s*)\.\.\.options\.config,/g;

for (const [file, pattern, replacement, times] of [
	[`${usql}browser.js`, settings, (found) => `// ${found}`, 2],
	[`${usql}node.js`, settings, (found) => `// ${found}`, 2],
	[`${usql}both.js`, timeout, () => '60000', 1],
	['component-utilities/src/echarts.js', config, (found) => `useUTC: true, ${found}`, 2]
]) {
	const path = new URL(file, packages);
	const text = readFileSync(path, 'utf8');
	const mark = '// patched by scripts/patch.mjs\n';
	if (text.startsWith(mark)) continue;
	const found = text.match(pattern)?.length ?? 0;
	if (found !== times)
		throw new Error(`patch.mjs: ${file}: ${found} places to change, not ${times}; another version?`);
	writeFileSync(path, mark + text.replace(pattern, replacement));
}
