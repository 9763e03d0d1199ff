// After npm install: what the pinned packages need to work together. Fails when it no longer fits.
// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';

const usql = new URL('../node_modules/@evidence-dev/universal-sql/src/client-duckdb/', import.meta.url);

// Settings that the pinned duckdb-wasm does not know; its defaults are what they ask for.
const settings = /(?<!\/\/ )await connection\.query\('SET (ieee_floating_point_ops|old_implicit_casting) = \w+;'\);/g;
// Five seconds are short for loading the engine over a slow line.
const timeout = /(?<=database'\)\), )5000(?=\))/g;

for (const [file, pattern, replacement, times] of [
	['browser.js', settings, (found) => `// ${found}`, 2],
	['node.js', settings, (found) => `// ${found}`, 2],
	['both.js', timeout, () => '60000', 1]
]) {
	const path = new URL(file, usql);
	const text = readFileSync(path, 'utf8');
	const mark = '// patched by scripts/patch.mjs\n';
	if (text.startsWith(mark)) continue;
	const found = text.match(pattern)?.length ?? 0;
	if (found !== times)
		throw new Error(`patch.mjs: ${file}: ${found} places to change, not ${times}; another version?`);
	writeFileSync(path, mark + text.replace(pattern, replacement));
}
