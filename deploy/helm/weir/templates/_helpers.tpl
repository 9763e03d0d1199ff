{{- define "weir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "weir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "weir.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "weir.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "weir.selector" -}}
app.kubernetes.io/name: {{ include "weir.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "weir.labels" -}}
{{/* toYaml is silent about what it cannot write and returns nothing: a node selector would be gone. */}}
{{- if not (toYaml .Values) -}}
{{- fail "a value holds a control character, as U+007F, that YAML has no place for" -}}
{{- end -}}
app.kubernetes.io/name: {{ include "weir.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{- define "weir.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository $tag }}
{{- end -}}
{{- end -}}

{{- define "weir.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "weir.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The settings file: what the values say, and what follows from the rest of the chart. */}}
{{- define "weir.settings" -}}
{{- $own := dict
  "state" (dict "directory" "/var/lib/weir")
  "control" (dict "socket" "/run/weir/weir.sock")
  "metrics" (dict "listen" (printf "%s:%d" .Values.metrics.address (int .Values.metrics.port)))
  "xdp" (dict "pin_path" "/sys/fs/bpf/weir" "keep_attached" true "when_back" "exit") -}}
{{- toYaml (mergeOverwrite $own (deepCopy .Values.settings)) -}}
{{- end -}}

{{/* A container that needs nothing: jobs and tests. */}}
{{- define "weir.plainSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* weir.yaml, and beside it what `weir load files` and `weir load trie` look for there. */}}
{{- define "weir.settingsVolume" -}}
- name: settings
  projected:
    sources:
      - configMap:
          name: {{ include "weir.fullname" . | quote }}
      {{- if .Values.meta.existingConfigMap }}
      - configMap:
          name: {{ .Values.meta.existingConfigMap | quote }}
      {{- else if .Values.meta.files }}
      - configMap:
          name: {{ include "weir.fullname" . }}-meta
      {{- end }}
{{- end -}}

{{/* Variables of what runs `weir load`: those of all, then its own. */}}
{{- define "weir.loadEnv" -}}
{{- with concat .root.Values.loadEnv (.env | default list) }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat .root.Values.loadEnvFrom (.envFrom | default list) }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
