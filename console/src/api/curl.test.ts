import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curlOf, shellWord } from '@/api/curl';
import { request, withHeader } from '@/api/request';

const ORIGIN = 'https://runplane.example.com';

describe('shell words', () => {
  it.each([`it's`, '$HOME', '`id`', 'a b', '"', '\\', "''", '!x', 'a\nb', '~', '*'])(
    'mean %j itself',
    (text) => {
      expect(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`]).toString()).toBe(text);
    },
  );
});

describe('a call as curl', () => {
  it('holds method, address, body and no token', () => {
    const sent = request('post', '/api/v1/service-accounts', { body: { name: "o'hara" } });
    expect(curlOf(sent, ORIGIN)).toBe(
      [
        `curl -X POST ${ORIGIN}/api/v1/service-accounts \\`,
        '  -H "Authorization: Bearer $TOKEN" \\',
        "  -H 'Content-Type: application/json' \\",
        `  -d '{"name":"o'\\''hara"}'`,
      ].join('\n'),
    );
  });

  it('holds query and headers, percent-encoded and quoted', () => {
    const sent = request('get', '/api/v1/users', {
      params: { query: { filterBy: ['username=@a&b', "username==o'x"], search: '', limit: 5 } },
    });
    const text = curlOf(withHeader(sent, 'Prefer', 'count=exact'), ORIGIN);
    expect(text).toContain("-H 'Prefer: count=exact'");
    const script = `curl() { printf %s "$1"; }\n${text}`;
    const url = new URL(execFileSync('sh', ['-c', script]).toString());
    expect(url.searchParams.getAll('filterBy')).toEqual(['username=@a&b', "username==o'x"]);
    expect(url.searchParams.has('search')).toBe(false);
  });

  it('puts parameters into the path as one segment', () => {
    const sent = request('delete', '/api/v1/service-accounts/{serviceAccountId}', {
      params: { path: { serviceAccountId: 'a/../b?c' } },
    });
    expect(sent.url).toBe('/api/v1/service-accounts/a%2F..%2Fb%3Fc');
  });
});
