// Writes static/world.json: the countries of Natural Earth (public domain, 1:110 million, packed by
// world-atlas) as GeoJSON, named by their ISO codes of two letters. SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { feature } from 'topojson-client';

const require = createRequire(import.meta.url);
const world = require('world-atlas/countries-110m.json');
const { numericToAlpha2 } = require('i18n-iso-countries');

// Where a ring steps over 180 degrees it goes on beyond: Russia in one piece, no line across the map.
const unwrap = (ring) => {
	let turn = 0;
	return ring.map(([x, y], i) => {
		if (i && Math.abs(x - ring[i - 1][0]) > 180) turn += x < ring[i - 1][0] ? 360 : -360;
		return [x + turn, y];
	});
};
const rings = (c) => (typeof c[0][0] === 'number' ? unwrap(c) : c.map(rings));
const round = (x) => (Array.isArray(x) ? x.map(round) : Math.round(x * 100) / 100);
const features = feature(world, world.objects.countries)
	.features.filter((f) => f.properties.name !== 'Antarctica')
	.map((f) => ({
		type: 'Feature',
		properties: { name: numericToAlpha2(f.id) ?? f.properties.name, country: f.properties.name },
		geometry: { type: f.geometry.type, coordinates: round(rings(f.geometry.coordinates)) }
	}));
if (features.length < 150) throw new Error(`world.mjs: only ${features.length} countries`);

const directory = new URL('../static/', import.meta.url);
mkdirSync(directory, { recursive: true });
writeFileSync(new URL('world.json', directory), JSON.stringify({ type: 'FeatureCollection', features }));
