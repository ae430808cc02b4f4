/** The line above every page: whose tenant this is, help, colour scheme, and the account. */
import { ActionIcon, Burger, Menu, Tooltip } from '@mantine/core';
import { IconBook2, IconExternalLink, IconHelp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { AccountMenu } from '@/app/AccountMenu';
import { SchemeSwitch } from '@/app/SchemeSwitch';
import { useSession } from '@/session/hooks';
import { optionsQuery } from '@/session/options';
import { LogoImage } from '@/ui/LogoImage';
import classes from './Header.module.css';

export function Header({ onMenu, menuOpened }: { onMenu: (() => void) | undefined; menuOpened: boolean }) {
  const { tenant } = useSession();
  const { data: options } = useQuery(optionsQuery);
  return (
    <header className={classes.header}>
      {onMenu && <Burger size="sm" opened={menuOpened} onClick={onMenu} aria-label="Open the navigation" />}
      <div className={classes.tenant}>
        <LogoImage logo={options?.logo ?? null} name={tenant.name} />
        <span className={classes.name}>{tenant.name}</span>
      </div>
      <div className={classes.tools}>
        <HelpMenu version={options?.version} />
        <SchemeSwitch />
        <AccountMenu />
      </div>
    </header>
  );
}

function HelpMenu({ version }: { version: string | undefined }) {
  return (
    <Menu>
      <Menu.Target>
        <Tooltip label="Help">
          <ActionIcon aria-label="Help">
            <IconHelp size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          component="a"
          href="/api/docs"
          target="_blank"
          rel="noreferrer"
          leftSection={<IconBook2 size={15} />}
          rightSection={<IconExternalLink size={13} />}
        >
          API documentation
        </Menu.Item>
        {version && <Menu.Label>runplane {version}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
