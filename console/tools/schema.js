/*
 * Writes src/api/schema.d.ts from the server's own OpenAPI document, so that a call the server does not
 * offer is a type error here. The file is not kept in git: 17,000 lines that follow from the Python code.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const python = process.env.PYTHON ?? join(root, '.venv', 'bin', 'python');
if (!existsSync(python)) {
    console.error(`There is no ${python}. Run "make check" once, or name a Python with PYTHON=….`);
    process.exit(1);
}

function run(command, args, options = {}) {
    const done = spawnSync(command, args, { cwd: root, maxBuffer: 64 * 1024 * 1024, ...options });
    if (done.status !== 0) {
        process.stderr.write(done.stderr ?? '');
        process.exit(done.status ?? 1);
    }
    return done.stdout;
}

const folder = mkdtempSync(join(tmpdir(), 'runplane-schema-'));
try {
    const document = join(folder, 'openapi.json');
    writeFileSync(document, run(python, ['tools/openapi_document.py']));
    const cli = join(here, '..', 'node_modules', 'openapi-typescript', 'bin', 'cli.js');
    const types = join(here, '..', 'src', 'api', 'schema.d.ts');
    // A member with a default may be left out of a body.
    run(process.execPath, [cli, document, '-o', types, '--default-non-nullable=false']);
} finally {
    rmSync(folder, { recursive: true });
}
