{{/* What pods of `helm test` have in common. They are no endpoints of the Service: their name label is another one. */}}

{{- define "mixer-newrelic-adapter.testLabels" -}}
app.kubernetes.io/name: {{ include "mixer-newrelic-adapter.name" . | trunc 58 }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{ include "mixer-newrelic-adapter.moreLabels" . }}
{{- end -}}

{{- define "mixer-newrelic-adapter.testAnnotations" -}}
helm.sh/hook: test
helm.sh/hook-delete-policy: before-hook-creation
sidecar.istio.io/inject: "false"
{{- end -}}

{{- define "mixer-newrelic-adapter.testPod" -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* The Secret with the certificate by which the port's health can be asked over TLS: one for the tests, or that of the port itself,
unless the port would refuse it. */}}
{{- define "mixer-newrelic-adapter.testSecret" -}}
{{- $tls := .Values.tls -}}
{{- if .Values.tests.tlsSecretName -}}
{{- .Values.tests.tlsSecretName -}}
{{- else if and $tls.ca (not $tls.allowedClients) -}}
{{- $tls.secretName -}}
{{- end -}}
{{- end -}}

{{/* Flags of `mixs probe` for TLS. */}}
{{- define "mixer-newrelic-adapter.testFlags" -}}
{{- $own := not .Values.tests.tlsSecretName -}}
{{- $directory := include "mixer-newrelic-adapter.tlsDirectory" . -}}
- --tls
- {{ printf "--tls_ca=%s/%s" $directory (ternary .Values.tls.ca "ca.crt" $own) | quote }}
- {{ printf "--tls_certificate=%s/%s" $directory (ternary .Values.tls.certificate "tls.crt" $own) | quote }}
- {{ printf "--tls_key=%s/%s" $directory (ternary .Values.tls.key "tls.key" $own) | quote }}
- {{ printf "--tls_allowed_server=%s,spiffe://%s/ns/%s/sa/%s" (include "mixer-newrelic-adapter.host" .) .Values.tls.trustDomain .Release.Namespace (include "mixer-newrelic-adapter.serviceAccountName" .) | quote }}
{{- end -}}
