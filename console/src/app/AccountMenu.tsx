/** Behind the avatar: who is signed in, the own settings, signing out. */
import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core';
import { IconLogout, IconUserCog } from '@tabler/icons-react';
import { Link } from 'react-router';
import { loaderOf } from '@/app/pages';
import { useSession } from '@/session/hooks';
import { session } from '@/session/store';

export function AccountMenu() {
  const { user } = useSession();
  const initials = user.email.slice(0, 2).toUpperCase();
  return (
    <Menu width={230}>
      <Menu.Target>
        <UnstyledButton aria-label={`${initials}: account of ${user.email}`} ml={6}>
          <Avatar size={28} radius="xl" color="petrol" variant="filled">
            {initials}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="xs" c="dimmed">
            Signed in as
          </Text>
          <Text size="sm" fw={500} truncate>
            {user.email}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        {loaderOf('me') && (
          <Menu.Item component={Link} to="/me" leftSection={<IconUserCog size={15} />}>
            User settings
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void session.signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
