{{- define "tanx.name" -}}
{{ printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tanx.selector" -}}
app.kubernetes.io/name: tanx-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tanx.labels" -}}
{{ include "tanx.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
