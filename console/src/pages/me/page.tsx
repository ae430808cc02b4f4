/** User settings: what concerns the person who is signed in, and nobody else. */
import { Tabs } from '@mantine/core';
import { IconKey, IconPassword, IconShieldCheck, IconUser } from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { useSearchParams } from 'react-router';
import { AccessKeys } from '@/pages/me/AccessKeys';
import { MyAccess } from '@/pages/me/MyAccess';
import { PasswordForm } from '@/pages/me/PasswordForm';
import { useSession } from '@/session/hooks';
import { CopyableId } from '@/ui/CopyableId';
import { Facts } from '@/ui/Facts';
import { PageHeader } from '@/ui/PageHeader';
import classes from './page.module.css';

interface Part {
  id: string;
  title: string;
  icon: ComponentType<{ size?: number | string }>;
  content: ComponentType;
}

const PARTS: readonly Part[] = [
  { id: 'details', title: 'Details', icon: IconUser, content: Details },
  { id: 'access', title: 'Roles and scopes', icon: IconShieldCheck, content: MyAccess },
  { id: 'access-keys', title: 'Access keys', icon: IconKey, content: AccessKeys },
  { id: 'password', title: 'Password', icon: IconPassword, content: PasswordForm },
];

export function Component() {
  const [query, setQuery] = useSearchParams();
  const shown = PARTS.find((it) => it.id === query.get('tab'))?.id ?? 'details';
  return (
    <>
      <PageHeader title="User settings" text="Your own account: what you may do, and what signs in as you." />
      {/* The address of another tab begins anew: search and pages of a table belong to its own tab. */}
      <Tabs value={shown} onChange={(tab) => setQuery(tab && tab !== 'details' ? { tab } : {})}>
        <Tabs.List className={classes.tabs}>
          {PARTS.map(({ id, title, icon: Icon }) => (
            <Tabs.Tab key={id} value={id} leftSection={<Icon size={15} />}>
              {title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {PARTS.map(({ id, content: Content }) => (
          <Tabs.Panel key={id} value={id} className={classes.panel}>
            <Content />
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}

function Details() {
  const { user, tenant } = useSession();
  return (
    <div className={classes.card}>
      <Facts
        facts={[
          ['E-mail', user.email],
          ['User ID', <CopyableId key="id" id={user.id} what="user ID" full />],
          ['Tenant', tenant.name],
          ['Tenant ID', <CopyableId key="tenant" id={String(tenant.id)} what="tenant ID" full />],
        ]}
      />
    </div>
  );
}
