/** How a program uses a service account, with this server's address. Pure. */
import { shellWord } from '@/api/curl';
import type { Snippet } from '@/ui/CodeSnippet';

/** The official client in the release whose contract this server speaks. */
const RUNAPY = 'runapy==1.224.0';

/**
 * The same first call in curl and in Python. The secret comes from a variable: snippets end up in repositories.
 * The client id is no secret and stands in the text.
 */
export function usage(origin: string, clientId: string): Snippet[] {
  return [
    {
      label: 'curl',
      code: [
        `export CLIENT_SECRET='…'   # the secret above`,
        `TOKEN=$(curl -s ${shellWord(`${origin}/api/v1/token`)} \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d '{"grantType": "client_credentials",`,
        `       "clientId": "${clientId}",`,
        `       "clientSecret": "'"$CLIENT_SECRET"'"}' \\`,
        `  | python3 -c 'import json, sys; print(json.load(sys.stdin)["accessToken"])')`,
        `curl -s ${shellWord(`${origin}/api/v1/authorization/me/access-rules`)} \\`,
        `  -H "Authorization: Bearer $TOKEN"`,
      ].join('\n'),
    },
    {
      label: 'Python',
      code: `# pip install ${RUNAPY}
import os

from runai.api_client import ApiClient
from runai.configuration import Configuration
from runai.runai_client import RunaiClient

configuration = Configuration(
    client_id=${JSON.stringify(clientId)},
    client_secret=os.environ["CLIENT_SECRET"],
    runai_base_url=${JSON.stringify(origin)},
)
with RunaiClient(ApiClient(configuration)) as client:
    mine = client.authentication_and_authorization.me.get_me_access_rules()
    for rule in mine.data["accessRules"]["accessRules"]:
        print(rule["roleName"], "in", rule["scopeType"], rule["scopeName"])`,
    },
  ];
}
