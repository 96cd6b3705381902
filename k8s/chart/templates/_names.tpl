{{- /* What is everything called? */ -}}
{{- define "hedgerow.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}
{{- $name = printf "%s-%s" $name .Chart.Name -}}
{{- end -}}
{{- $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "hedgerow.account" -}}
{{- .Values.serviceAccount.name | default (include "hedgerow.name" .) -}}
{{- end -}}

{{- define "hedgerow.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "hedgerow.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "hedgerow.account" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}
