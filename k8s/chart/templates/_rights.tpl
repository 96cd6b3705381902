{{- /*
What does the program ask of the API server? tests/cluster/rbac.rs shows that it is all of this, and nothing else.
RBAC cannot say "only Secrets of type kubernetes.io/tls": the program asks for no others, but its token could.
*/ -}}
{{- define "hedgerow.rights.objects" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services, endpoints, secrets, configmaps]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, httproutes, referencegrants]
  verbs: [list, watch]
{{- end -}}

{{- define "hedgerow.rights.classes" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses]
  verbs: [list, watch]
{{- end -}}

{{- define "hedgerow.rights.namespaces" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end -}}
