/** Quota against allocation as bars. A file of its own: the chart library loads only where there is something to draw. */
import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import type { QuotaRow } from '@/pages/overview/quotaRows';
import { amount, counted } from '@/ui/quota';

interface Props {
  rows: readonly QuotaRow[];
  /** Whether there is a second bar at all. */
  reported: boolean;
}

const LABEL_WIDTH = 116;
const LONGEST = 17;

export default function QuotaChart({ rows, reported }: Props) {
  const data = rows.map((it) => ({ name: it.name, Quota: it.quota ?? 0, Allocated: it.allocated ?? 0 }));
  return (
    <BarChart
      h={rows.length * (reported ? 46 : 34) + 44}
      data={data}
      dataKey="name"
      orientation="vertical"
      gridAxis="y"
      tickLine="none"
      valueFormatter={(gpus) => counted(gpus, 'GPUs')}
      maxBarWidth={14}
      barProps={{ isAnimationActive: false, radius: [0, 3, 3, 0] }}
      barChartProps={{ accessibilityLayer: false, barGap: 2 }}
      xAxisProps={{ allowDecimals: false, tickFormatter: amount }}
      yAxisProps={{ width: LABEL_WIDTH, tickFormatter: shortened, interval: 0 }}
      series={[
        { name: 'Quota', color: 'var(--rp-bar-deserved)' },
        ...(reported ? [{ name: 'Allocated', color: 'var(--rp-bar-over)' }] : []),
      ]}
    />
  );
}

function shortened(name: string): string {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}
