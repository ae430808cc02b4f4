{{/* Names are at most 63 characters long, and suffixes have to fit too. */}}
{{- define "runplane.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "runplane.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "runplane.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "runplane.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "runplane.selector" -}}
app.kubernetes.io/name: {{ include "runplane.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "runplane.labels" -}}
{{ include "runplane.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: runplane
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "runplane.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "runplane.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "runplane.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The restricted level of the pod security standards. */}}
{{- define "runplane.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "runplane.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: { drop: [ALL] }
{{- end }}

{{/* Secrets are read from files, so that no process shows them in its environment. */}}
{{- define "runplane.env" -}}
- { name: RUNPLANE_PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
- { name: RUNPLANE_HOST, value: "0.0.0.0" }
- { name: RUNPLANE_PORT, value: "8080" }
- { name: RUNPLANE_DATA_DIR, value: /data }
- { name: RUNPLANE_LOG_FORMAT, value: json }
- { name: RUNPLANE_DRAIN_SECONDS, value: {{ .Values.drainSeconds | quote }} }
- { name: RUNPLANE_DATABASE_URL_FILE, value: /run/secrets/runplane/database-url }
- { name: RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE, value: /run/secrets/runplane/key-encryption-key }
- { name: RUNPLANE_ADMIN_EMAIL, value: {{ .Values.adminEmail | quote }} }
{{- if .Values.secrets.adminPassword.name }}
- { name: RUNPLANE_ADMIN_PASSWORD_FILE, value: /run/secrets/runplane/admin-password }
{{- end }}
{{- with .Values.trustedProxies }}
- { name: RUNPLANE_TRUSTED_PROXIES, value: {{ join "," . | quote }} }
{{- end }}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "runplane.mounts" -}}
- { name: secrets, mountPath: /run/secrets/runplane, readOnly: true }
- { name: data, mountPath: /data }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "runplane.volumes" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.secrets.database.name }}
          items: [{ key: {{ .Values.secrets.database.key }}, path: database-url }]
      - secret:
          name: {{ .Values.secrets.keyEncryptionKey.name }}
          items: [{ key: {{ .Values.secrets.keyEncryptionKey.key }}, path: key-encryption-key }]
      {{- with .Values.secrets.adminPassword }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items: [{ key: {{ .key }}, path: admin-password }]
      {{- end }}
      {{- end }}
- name: data
  emptyDir: { sizeLimit: 64Mi }
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- end }}

{{/* The Secret of the token for /metrics, the chart's own or a given one; nothing where everybody may read it.
Values that `helm upgrade --reuse-values` brings from an older chart have none of this. */}}
{{- define "runplane.metricsSecret" -}}
{{- if (.Values.secrets.metricsToken).value }}
{{- include "runplane.fullname" . }}-metrics
{{- else }}
{{- (.Values.secrets.metricsToken).name | default "" }}
{{- end }}
{{- end }}

{{- define "runplane.metricsKey" -}}
{{- (.Values.secrets.metricsToken).key | default "token" }}
{{- end }}
