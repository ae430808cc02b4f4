/** For each entity: no access, view, or full access. */
import { Input, SegmentedControl, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { Entity, EntityGroup, Level, Levels } from '@/pages/roles/sets';
import classes from './LevelPicker.module.css';

interface Props {
  groups: readonly EntityGroup[];
  value: Levels;
  onChange: (levels: Levels) => void;
  error?: string | undefined;
}

export function LevelPicker({ groups, value, onChange, error }: Props) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const shown = groups
    .map((group) => ({
      ...group,
      entities: group.entities.filter((it) => it.title.toLowerCase().includes(wanted)),
    }))
    .filter((group) => group.entities.length > 0);
  return (
    <Input.Wrapper
      label="Permissions"
      labelElement="div"
      description="Full access includes viewing what it needs, such as the clusters to choose from."
      error={error}
    >
      <TextInput
        mt={6}
        size="xs"
        type="search"
        aria-label="Search resources"
        placeholder="Search resources"
        leftSection={<IconSearch size={14} />}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      <div
        className={classes.list}
        role="group"
        aria-label="Permissions"
        data-wrong={error ? true : undefined}
      >
        {shown.map((group) => (
          <div key={group.id} className={classes.group}>
            <h4>{group.title}</h4>
            {group.entities.map((it) => (
              <Row
                key={it.slug}
                entity={it}
                level={value[it.slug] ?? 'none'}
                onChange={(level) => onChange({ ...value, [it.slug]: level })}
              />
            ))}
          </div>
        ))}
        {shown.length === 0 && (
          <Text size="sm" c="dimmed" mt={10}>
            No resource is called that.
          </Text>
        )}
      </div>
    </Input.Wrapper>
  );
}

function Row({
  entity,
  level,
  onChange,
}: {
  entity: Entity;
  level: Level;
  onChange: (level: Level) => void;
}) {
  return (
    <div className={classes.entity} data-level={level}>
      <span>{entity.title}</span>
      <SegmentedControl
        size="xs"
        classNames={{ indicator: classes.indicator, label: classes.level }}
        aria-label={entity.title}
        value={level}
        onChange={(next) => onChange(next as Level)}
        data={[
          { value: 'none', label: 'None' },
          ...(entity.read ? [{ value: 'read', label: 'View' }] : []),
          ...(entity.edit ? [{ value: 'edit', label: 'Full' }] : []),
        ]}
      />
    </div>
  );
}
