import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import type { RowAction } from '@/table/types';

/** What can be done with a row. `name` tells the menus of a table apart for people who hear them. */
export function RowMenu({ actions, name }: { actions: readonly RowAction[]; name: string }) {
  if (actions.length === 0) return null;
  const firstDanger = actions.findIndex((it) => it.danger);
  return (
    <Menu width={210}>
      <Menu.Target>
        <ActionIcon aria-label={`Actions for ${name}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map(({ label, icon: Icon, danger, disabled, onClick }, index) => (
          <span key={label} data-inert>
            {index === firstDanger && index > 0 && <Menu.Divider />}
            <Tooltip label={disabled} disabled={disabled === undefined} position="left">
              <Menu.Item
                {...(danger ? { color: 'var(--rp-bad)' } : {})}
                leftSection={Icon ? <Icon size={15} /> : null}
                aria-disabled={disabled !== undefined}
                data-disabled={disabled !== undefined || undefined}
                closeMenuOnClick={disabled === undefined}
                onClick={() => disabled === undefined && onClick()}
              >
                {label}
              </Menu.Item>
            </Tooltip>
          </span>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
