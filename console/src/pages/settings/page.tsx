/** General settings: what holds for the whole tenant. What a person may not read is left out. */
import { BrandingCard } from '@/pages/settings/BrandingCard';
import { ClusterAuthenticationCard } from '@/pages/settings/ClusterAuthenticationCard';
import { SecurityCard } from '@/pages/settings/SecurityCard';
import { SwitchesCard } from '@/pages/settings/SwitchesCard';
import { useCan } from '@/session/hooks';
import { PageHeader } from '@/ui/PageHeader';
import classes from './settings.module.css';

export function Component() {
  const can = useCan();
  return (
    <>
      <PageHeader
        title="General settings"
        text="What holds for everybody in this tenant. Every change is in the event history."
      />
      <div className={classes.cards}>
        {can('security-settings:read') && <SecurityCard />}
        {can('settings:read') && <SwitchesCard />}
        <ClusterAuthenticationCard />
        {can('branding-settings:read') && <BrandingCard />}
      </div>
    </>
  );
}
