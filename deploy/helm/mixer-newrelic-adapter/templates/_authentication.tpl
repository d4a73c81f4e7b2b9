{{/* How Mixer and the adapter know each other: `authentication` of the handler's connection. */}}

{{- define "mixer-newrelic-adapter.authentication" -}}
{{- $tls := .Values.tls -}}
{{- if $tls.client.authentication -}}
{{- toYaml $tls.client.authentication -}}
{{- else if $tls.secretName -}}
{{- $directory := $tls.client.directory -}}
{{- if $tls.ca -}}
mutual:
  privateKey: {{ $directory }}/tls.key
  clientCertificate: {{ $directory }}/tls.crt
  caCertificates: {{ $directory }}/ca.crt
  serverName: {{ include "mixer-newrelic-adapter.host" . }}
{{- else -}}
tls:
  caCertificates: {{ $directory }}/ca.crt
  serverName: {{ include "mixer-newrelic-adapter.host" . }}
{{- end }}
{{- else -}}
mutual:
  {{ ternary "sds" "workloadApi" (ne $tls.sds "") }}:
    socket: {{ include "mixer-newrelic-adapter.socket" . }}
  subjectAltNames:
  - spiffe://{{ $tls.trustDomain }}/ns/{{ .Release.Namespace }}/sa/{{ include "mixer-newrelic-adapter.serviceAccountName" . }}
{{- end -}}
{{- end -}}
