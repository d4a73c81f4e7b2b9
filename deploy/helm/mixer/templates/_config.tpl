{{/* Flags that say where configuration is and what is told about it. */}}

{{- define "mixer.configArgs" -}}
{{- if include "mixer.kubernetes" . -}}
{{- $namespaces := include "mixer.namespaces" . | fromJsonArray -}}
- {{ printf "--configStoreURL=k8s://%s" (ternary (printf "?ns=%s" (join "," $namespaces)) "" (gt (len $namespaces) 0)) | quote }}
- --useAdapterCRDs={{ .Values.config.legacyKinds }}
- --useTemplateCRDs={{ .Values.config.legacyKinds }}
- --configStatus={{ .Values.config.status.enabled }}
{{- if .Values.config.status.enabled }}
- --configStatusLease={{ include "mixer.lease" . | fromJsonArray | join "/" }}
{{- end }}
{{- if .Values.webhook.enabled }}
- {{ printf "--webhookAddress=[::]:%d" (int .Values.webhook.port) | quote }}
- --webhookService={{ include "mixer.fullname" . }}
- --webhookSecret={{ include "mixer.webhookSecret" . }}
- --webhookConfiguration={{ include "mixer.clusterName" . }}
{{- end }}
{{- else -}}
- --configStoreURL=fs://{{ include "mixer.configDirectory" . }}
{{- end }}
- --configDefaultNamespace={{ .Values.config.defaultNamespace }}
- --configWaitTimeout={{ .Values.config.waitTimeout }}
{{- end -}}
