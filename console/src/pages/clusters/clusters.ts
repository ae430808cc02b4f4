/** Clusters as data: their states in words, what their agents miss, how the agent is started. Pure. */
import { request, type ApiRequest } from '@/api/request';
import type { components } from '@/api/schema';
import { shellWord } from '@/api/curl';
import type { Tone } from '@/ui/StatusBadge';

export type Cluster = components['schemas']['ClusterOut'];

/** The paths whose answers are out of date when a cluster comes, goes or is renamed: all that is in it too. */
export const TOUCHES = [
  '/api/v1/clusters',
  '/api/v1/node-pools',
  '/api/v1/nodes',
  '/api/v1/org-unit',
] as const;

/** The chart whose values the install command sets; the release whose contract this server speaks. */
export const CHART_VERSION = '2.24';

/** All clusters, those that are being removed included. */
export const listClusters = () =>
  request('get', '/api/v1/clusters', { params: { query: { includeRequestedForDelete: true } } });

/** The install command of a cluster. Its answer holds the agent's secret. */
export function installInfo(clusterUuid: string): ApiRequest<components['schemas']['InstallOut']> {
  return request('get', '/api/v1/clusters/{clusterUuid}/cluster-install-info', {
    params: { path: { clusterUuid }, query: { version: CHART_VERSION } },
  });
}

interface Look {
  tone: Tone;
  word: string;
  hint: string;
}

const LOOKS: Readonly<Record<string, Look>> = {
  Connected: { tone: 'good', word: 'Connected', hint: 'The agent reports, and misses nothing.' },
  WaitingToConnect: {
    tone: 'calm',
    word: 'Waiting to connect',
    hint: 'No agent has spoken for this cluster yet. Install it.',
  },
  Disconnected: {
    tone: 'bad',
    word: 'Disconnected',
    hint: 'The agent has not spoken for more than 90 seconds.',
  },
  MissingPrerequisites: {
    tone: 'warn',
    word: 'Missing prerequisites',
    hint: 'The agent misses something that it requires.',
  },
  ServiceIssues: {
    tone: 'warn',
    word: 'Service issues',
    hint: 'The agent says that the cluster is not available.',
  },
};
export const STATES = Object.values(LOOKS).map(({ word }) => ({ value: word, label: word }));

/** State of a cluster in words. One that was asked to leave is shown as such, whatever its agent says. */
export function lookOf(cluster: Cluster): Look {
  if (cluster.deleteRequestedAt) {
    return {
      tone: 'warn',
      word: 'Being removed',
      hint: 'The agent was asked to clean up. The cluster goes when it has.',
    };
  }
  const state = cluster.status?.state ?? '';
  return (
    LOOKS[state] ?? { tone: 'calm', word: state || 'Unknown', hint: 'This state is new to the console.' }
  );
}

const PLATFORMS: Readonly<Record<string, string>> = {
  vanilla: 'Kubernetes',
  openshift: 'OpenShift',
  rke: 'Rancher (RKE)',
  gke: 'Google GKE',
  aks: 'Azure AKS',
  eks: 'Amazon EKS',
};

/** Such as "OpenShift 1.31"; undefined before an agent has said. */
export function platformOf(cluster: Cluster): string | undefined {
  const told = cluster.status?.platform;
  if (!told) return undefined;
  const name = told.type === null ? undefined : (PLATFORMS[told.type] ?? told.type);
  return [name, told.kubeVersion].filter(Boolean).join(' ') || undefined;
}

export interface Dependency {
  name: string;
  required: boolean;
  available: boolean;
  reason: string;
}

/** What the cluster needs, missing things first. The document leaves the form of an entry open. */
export function dependenciesOf(cluster: Cluster): Dependency[] {
  const told = cluster.status?.dependencies;
  if (!told) return [];
  const read = (group: Record<string, unknown>, required: boolean) =>
    Object.entries(group).map(([name, entry]) => {
      const it = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
      return {
        name,
        required,
        available: it.available === true,
        reason: typeof it.reason === 'string' ? it.reason : '',
      };
    });
  return [...read(told.required, true), ...read(told.optional, false)].sort(
    (a, b) => Number(a.available) - Number(b.available),
  );
}

/** What the server remarks on its command: the first sentence of the comment that it begins with. */
export function remarkOn(installation: string): string | undefined {
  const comment = /^(?:# .*\n?)+/.exec(installation)?.[0] ?? '';
  return /^.+?\.(?=\s|$)/.exec(comment.replace(/^# /gm, '').replaceAll('\n', ' '))?.[0];
}

/** How to try a cluster without Kubernetes. The secret comes from a variable, as in every snippet. */
export function simulation(origin: string, uuid: string, secret: string): string {
  return [
    `export RUNPLANE_AGENT_SECRET=${shellWord(secret)}`,
    `runplane agent simulate --cluster ${uuid} \\`,
    `  --url ${shellWord(origin)} --nodes 2 --gpus-per-node 4`,
  ].join('\n');
}
