{{- define "nightpost.name" -}}
{{- if contains "nightpost" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-nightpost" (.Release.Name | trunc 42) }}{{ end }}
{{- end }}

{{- define "nightpost.selector" -}}
app.kubernetes.io/name: nightpost
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nightpost.labels" -}}
{{ include "nightpost.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "nightpost.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* The worker's configuration: what the chart knows, and over it what the values say. */}}
{{- define "nightpost.config" -}}
{{- $kafka := dict }}
{{- if .Values.staticMembership }}
{{- $kafka = dict "group_instance_id" "{hostname}" "session_timeout_ms" (mul .Values.sessionTimeoutSeconds 1000) }}
{{- end }}
{{- $store := dict "url" "sqlite:/var/lib/nightpost/nightpost.db" "master_key_file" "/run/nightpost/secrets/master.key" }}
{{- $trace := dict }}
{{- if .Values.store.url }}
{{- $store = dict "url" .Values.store.url "password_file" "/run/nightpost/secrets/postgres.password" "master_key_file" "/run/nightpost/secrets/master.key" }}
{{- $trace = dict "path" "/var/lib/nightpost/trace.db" }}
{{- end }}
{{- $worker := dict "http_listen" "0.0.0.0:9464" "drain_limit_ms" (mul .Values.drainLimitSeconds 1000) }}
{{- $config := dict "kafka" $kafka "store" $store "trace" $trace "worker" $worker }}
{{- if .Values.receipts.enabled }}{{- $_ := set $config "receipts" (dict "listen" "0.0.0.0:9465") }}{{- end }}
{{- if .Values.console.enabled }}
{{- $public := required "console.publicUrl: missing: where people open the console, https://…" .Values.console.publicUrl }}
{{- $_ := set $config "console" (dict "listen" "0.0.0.0:9468" "behind_tls_proxy" true "public_url" $public "connections_per_address_max" 256) }}
{{- end }}
{{- mustMergeOverwrite $config (deepCopy .Values.config) | mustToPrettyJson }}
{{- end }}

{{- define "nightpost.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The companion's pods are another application to Kubernetes: no selector of the workers' finds them. */}}
{{- define "nightpost.imSelector" -}}
app.kubernetes.io/name: nightpost-im
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nightpost.imLabels" -}}
{{ include "nightpost.imSelector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* What the chart knows of the companion, over it `config` (brokers, topics, store), over it `im.config`. */}}
{{- define "nightpost.imConfig" -}}
{{- $store := dict "url" .Values.store.url "password_file" "/run/nightpost/secrets/postgres.password" "master_key_file" "/run/nightpost/secrets/master.key" }}
{{- $im := dict "listen" "0.0.0.0:9466" "http_listen" "0.0.0.0:9465" "rest" (dict "listen" "0.0.0.0:9467") "drain_spread_ms" (mul .Values.im.drainSpreadSeconds 1000) }}
{{- with .Values.im.redis.url }}
{{- $redis := dict "url" . }}
{{- if $.Values.im.redis.password }}{{- $_ := set $redis "password_file" "/run/nightpost/secrets/redis.password" }}{{- end }}
{{- $_ := set $im "redis" $redis }}
{{- end }}
{{- $config := dict "store" $store "im" $im "worker" (dict "drain_limit_ms" (mul .Values.im.drainLimitSeconds 1000)) }}
{{- mustMergeOverwrite $config (pick (deepCopy .Values.config) "kafka" "store" "log" "im") (deepCopy .Values.im.config) | mustToPrettyJson }}
{{- end }}
