/** The drawer of one node, as its agent reported it last. */
import { Anchor, Text } from '@mantine/core';
import { Link } from 'react-router';
import { NodeStatus, taintWords, type Node } from '@/pages/nodes/columns';
import { CopyableId } from '@/ui/CopyableId';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';

export function Details({ node, cluster }: { node: Node; cluster: string }) {
  return (
    <>
      <Section title="Details">
        <Facts
          facts={[
            ['Status', <NodeStatus key="status" node={node} />],
            [
              'Cluster',
              <Anchor key="cluster" component={Link} fz="inherit" to={`/clusters?open=${node.clusterUuid}`}>
                {cluster}
              </Anchor>,
            ],
            ['Node pool', node.nodePool],
            ['GPU type', node.gpuInfo?.gpuType],
            ['GPU devices', node.gpuInfo?.gpuCount ?? 0],
            ['NVLink domain', node.nvLinkDomainUid],
            ['NVLink clique', node.nvLinkCliqueId],
            ['Created', <TimeAgo key="created" at={node.createdAt} />],
            ['Last change', <TimeAgo key="updated" at={node.updatedAt} />],
            ['Node ID', <CopyableId key="id" id={node.id} what="node ID" full />],
          ]}
        />
      </Section>
      <Section title="Conditions">
        {node.conditions.length === 0 ? (
          <None />
        ) : (
          <Facts
            facts={node.conditions.map(
              (it) => [it.type, [it.reason, it.message].filter(Boolean).join(': ')] as const,
            )}
          />
        )}
      </Section>
      <Section title="Taints">
        {node.taints.length === 0 ? (
          <None />
        ) : (
          <Facts facts={node.taints.map((it) => [it.key, taintWords(it)] as const)} />
        )}
      </Section>
    </>
  );
}

function None() {
  return (
    <Text size="sm" c="dimmed">
      None reported.
    </Text>
  );
}
