/*
 * Writes a .br and a .gz beside each file of the built console that gets smaller by it, so that the server
 * never compresses anything itself. Fonts and pictures are compressed already; the page is different for
 * each answer and small.
 */
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { brotliCompressSync, constants, gzipSync } = require('node:zlib');

const folder = join(process.argv[2], 'assets');
for (const name of readdirSync(folder).filter((it) => /\.(js|css|svg|json)$/.test(it))) {
  const data = readFileSync(join(folder, name));
  const forms = {
    '.br': brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }),
    '.gz': gzipSync(data, { level: 9 }),
  };
  for (const [ending, form] of Object.entries(forms)) {
    if (form.length < data.length * 0.95) writeFileSync(join(folder, name + ending), form);
  }
}
