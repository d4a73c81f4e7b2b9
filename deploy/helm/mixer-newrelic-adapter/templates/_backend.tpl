{{/* What a pod needs to speak with New Relic: the adapter itself, and the self-test. */}}

{{- define "mixer-newrelic-adapter.backendMounts" -}}
- name: key
  mountPath: {{ include "mixer-newrelic-adapter.keyDirectory" . }}
  readOnly: true
{{- if or .Values.customCA.configMapName .Values.customCA.secretName }}
- name: authorities
  mountPath: {{ include "mixer-newrelic-adapter.caDirectory" . }}
  readOnly: true
{{- end }}
{{- if .Values.clientCertificate.secretName }}
- name: client-certificate
  mountPath: {{ include "mixer-newrelic-adapter.clientDirectory" . }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "mixer-newrelic-adapter.backendVolumes" -}}
- name: key
  secret:
    secretName: {{ include "mixer-newrelic-adapter.secretName" . }}
    defaultMode: 288 # 0440
    items:
    - key: NEW_RELIC_API_KEY
      path: NEW_RELIC_API_KEY
{{- if .Values.customCA.secretName }}
- name: authorities
  secret:
    secretName: {{ .Values.customCA.secretName | quote }}
    defaultMode: 288 # 0440
{{- else if .Values.customCA.configMapName }}
- name: authorities
  configMap:
    name: {{ .Values.customCA.configMapName | quote }}
{{- end }}
{{- with .Values.clientCertificate.secretName }}
- name: client-certificate
  secret:
    secretName: {{ . | quote }}
    defaultMode: 288 # 0440
{{- end }}
{{- end -}}

{{/* `params` of a handler that say how New Relic is reached. */}}
{{- define "mixer-newrelic-adapter.backendParams" -}}
api_key_file: {{ include "mixer-newrelic-adapter.keyDirectory" . }}/NEW_RELIC_API_KEY
region: {{ .Values.region }}
{{- with .Values.logsHost }}
logs_url: {{ . | quote }}
{{- end }}
{{- if or .Values.customCA.configMapName .Values.customCA.secretName }}
ca_file: {{ include "mixer-newrelic-adapter.caDirectory" . }}/{{ .Values.customCA.key }}
{{- end }}
{{- if .Values.clientCertificate.secretName }}
client_certificate_file: {{ include "mixer-newrelic-adapter.clientDirectory" . }}/tls.crt
client_key_file: {{ include "mixer-newrelic-adapter.clientDirectory" . }}/tls.key
{{- end }}
{{- end -}}

{{/* Flags that say the same. */}}
{{- define "mixer-newrelic-adapter.backendArgs" -}}
{{- with .Values.clusterName -}}
- {{ printf "--cluster-name=%s" . | quote }}
{{ end -}}
- --log-level={{ .Values.logLevel }}
- --logFormat={{ .Values.logFormat }}
- --harvest-period={{ .Values.harvestPeriod }}
{{- with .Values.metricsHost }}
- {{ printf "--metrics-host=%s" . | quote }}
{{- end }}
{{- with .Values.spansHost }}
- {{ printf "--spans-host=%s" . | quote }}
{{- end }}
{{- end -}}

{{- define "mixer-newrelic-adapter.backendEnv" -}}
{{- if or .Values.proxy.http .Values.proxy.https .Values.proxy.none .Values.env -}}
env:
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.none }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}
