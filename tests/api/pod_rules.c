/* The rules of pods and templates of pods: what is refused, at which field, in upstream's words. */
#include <stdio.h>

#include "world.h"

enum { TEXT = 8192 };

struct bad {
    const char *spec; /* beside one plain container, or in it: see the tables */
    const char *says;
};

static struct api_request *pod_with(struct world *w, const char *meta, const char *spec)
{
    static char json[TEXT];
    snprintf(json, sizeof json, "{'metadata':{'name':'p'%s},'spec':{%s}}", meta, spec);
    return create(w, &pod_resource, "default", json);
}

static void refuse(struct world *w, const char *spec, const char *says)
{
    static char message[TEXT];
    snprintf(message, sizeof message, "Pod \"p\" is invalid: %s", says);
    assert_fails(pod_with(w, "", spec), 422, message);
}

/* The members of a pod's spec. */
static void refuse_pods(struct world *w, const struct bad *bad, size_t n)
{
    static char spec[TEXT];
    for (size_t i = 0; i < n; i++) {
        snprintf(spec, sizeof spec, "'containers':[{'name':'c','image':'i'}],%s", bad[i].spec);
        refuse(w, spec, bad[i].says);
    }
}

/* The members of a container, in a pod with a volume v of the kind that most can be done with. */
static void refuse_containers(struct world *w, const char *more, const struct bad *bad, size_t n)
{
    static char spec[TEXT], says[TEXT];
    for (size_t i = 0; i < n; i++) {
        snprintf(spec, sizeof spec, "'containers':[{'name':'c','image':'i',%s}]%s", bad[i].spec, more);
        snprintf(says, sizeof says, "%s%s", bad[i].says[0] == '[' ? "" : "spec.containers[0].", bad[i].says);
        refuse(w, spec, says);
    }
}

static void containers(void **state)
{
    static const struct bad bad[] = {
        {"'terminationMessagePolicy':'Both'",
         "terminationMessagePolicy: Unsupported value: \"Both\": supported values: \"File\", "
         "\"FallbackToLogsOnError\""},
        {"'imagePullPolicy':'Often'", "imagePullPolicy: Unsupported value: \"Often\": supported values: "
                                      "\"Always\", \"IfNotPresent\", \"Never\""},
        {"'image':' i'", "image: Invalid value: \" i\": must not have leading or trailing whitespace"},
        {"'ports':[{}]", "ports[0].containerPort: Required value"},
        {"'ports':[{'containerPort':70000}]",
         "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"},
        {"'ports':[{'containerPort':1,'name':'a'},{'containerPort':2,'name':'a'}]",
         "ports[1].name: Duplicate value: \"a\""},
        {"'ports':[{'containerPort':1,'hostPort':5},{'containerPort':2,'hostPort':5}]",
         "ports[1].hostPort: Duplicate value: \"TCP//5\""},
        {"'env':[{'value':'x'}]", "env[0].name: Required value"},
        {"'env':[{'name':'A','valueFrom':{}}]",
         "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, "
         "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"},
        {"'env':[{'name':'A','value':'x','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}]",
         "env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"},
        {"'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.labels'}}}]",
         "env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: "
         "\"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", "
         "\"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", "
         "\"status.podIPs\""},
        {"'env':[{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu','divisor':'1Mi'}}}]",
         "env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m "
         "and 1 are supported with the cpu resource"},
        {"'env':[{'name':'A','valueFrom':{'fileKeyRef':{'volumeName':'t','path':'p','key':'K'}}}]",
         "env[0].valueFrom.fileKeyRef.volumeName: Not found: \"t\""},
        {"'envFrom':[{'prefix':'x'}]", "envFrom: Invalid value: \"\": must specify one of: `configMapRef` or "
                                       "`secretRef`"},
        {"'envFrom':[{'secretRef':{}}]", "envFrom[0].secretRef.name: Required value"},
        {"'restartPolicyRules':[{'action':'Restart','exitCodes':{'operator':'In','values':[1]}}]",
         "restartPolicy: Required value: must specify restartPolicy when restart rules are used"},
        {"'restartPolicy':'Never','restartPolicyRules':[{'action':'Halt'}]",
         "[spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"Halt\": supported values: "
         "\"Restart\", \"RestartAllContainers\", spec.containers[0].restartPolicyRules[0].exitCodes: "
         "Required "
         "value: must be specified]"},
        {"'restartPolicy':'Never','restartPolicyRules':[{'action':'Restart','exitCodes':{}}]",
         "restartPolicyRules[0].exitCodes.operator: Unsupported value: \"\": supported values: \"In\", "
         "\"NotIn\""},
        {"'resizePolicy':[{'resourceName':'disk','restartPolicy':'NotRequired'}]",
         "resizePolicy: Unsupported value: \"disk\": supported values: \"cpu\", \"memory\""},
        {"'lifecycle':{'preStop':{}}", "lifecycle.preStop: Required value: must specify a handler type"},
        {"'lifecycle':{'preStop':{'sleep':{'seconds':31}}}",
         "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
         "terminationGracePeriodSeconds (30)"},
        {"'livenessProbe':{'exec':{}}", "livenessProbe.exec.command: Required value"},
        {"'livenessProbe':{'successThreshold':2,'tcpSocket':{'port':1}}",
         "livenessProbe.successThreshold: Invalid value: 2: must be 1"},
        {"'readinessProbe':{'tcpSocket':{'port':1},'terminationGracePeriodSeconds':1}",
         "readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for "
         "readinessProbes"},
        {"'readinessProbe':{'httpGet':{'port':0,'scheme':'ftp'}}",
         "[spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, "
         "inclusive, spec.containers[0].readinessProbe.httpGet.scheme: Unsupported value: \"ftp\": supported "
         "values: \"HTTP\", \"HTTPS\"]"},
    };
    struct world *w = *state;
    refuse_containers(w, "", bad, ARRAY_LEN(bad));
    refuse(w, "'containers':[]", "spec.containers: Required value");
    refuse(w,
           "'restartPolicy':'Never','containers':[{'name':'c','image':'i','resizePolicy':[{'resourceName':"
           "'cpu','restartPolicy':'RestartContainer'}]}]",
           "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when "
           "pod `restartPolicy` is 'Never'");
}

static void init_containers(void **state)
{
    static const struct bad bad[] = {
        {"'initContainers':[{'name':'c','image':'i'}]",
         "spec.initContainers[0].name: Duplicate value: \"c\""},
        {"'initContainers':[{'name':'n','image':'i','lifecycle':{}}]",
         "spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without "
         "restartPolicy=Always"},
        {"'initContainers':[{'name':'n','image':'i','restartPolicy':'Sometimes'}]",
         "spec.initContainers[0].restartPolicy: Unsupported value: \"Sometimes\": supported values: "
         "\"Always\", \"Never\", \"OnFailure\""},
        {"'initContainers':[{'name':'n','image':'i','resizePolicy':[{'resourceName':'cpu','restartPolicy':"
         "'RestartContainer'}]}]",
         "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must "
         "not "
         "be set to 'RestartContainer' for non-sidecar initContainers"},
        {"'ephemeralContainers':[{'name':'e','image':'i'}]",
         "spec.ephemeralContainers: Forbidden: cannot be set on create"},
    };
    struct world *w = *state;
    refuse_pods(w, bad, ARRAY_LEN(bad));
    /* They run one by one, so they may have the same port; a sidecar may have probes. */
    assert_code(
        pod_with(w, "",
                 "'initContainers':[{'name':'a','image':'i','ports':[{'containerPort':1,'hostPort':1}]},"
                 "{'name':'b','image':'i','restartPolicy':'Always','ports':[{'containerPort':1,"
                 "'hostPort':1}],'livenessProbe':{'tcpSocket':{'port':1}}}],"
                 "'containers':[{'name':'c','image':'i'}]"),
        201);
}

static void mounts_and_devices(void **state)
{
    static const struct bad bad[] = {
        {"'volumeMounts':[{'name':'x','mountPath':'/m'}]", "volumeMounts[0].name: Not found: \"x\""},
        {"'volumeMounts':[{'name':'v'}]", "volumeMounts[0].mountPath: Required value"},
        {"'volumeMounts':[{'name':'v','mountPath':'/m'},{'name':'v','mountPath':'/m'}]",
         "volumeMounts[1].mountPath: Invalid value: \"/m\": must be unique"},
        {"'volumeMounts':[{'name':'v','mountPath':'/m','subPath':'../x'}]",
         "volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'"},
        {"'volumeMounts':[{'name':'v','mountPath':'/m','subPathExpr':'/x'}]",
         "volumeMounts.subPathExpr: Invalid value: \"/x\": must be a relative path"},
        {"'volumeMounts':[{'name':'v','mountPath':'/m','mountPropagation':'Bidirectional'}]",
         "volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to "
         "privileged containers"},
        {"'volumeMounts':[{'name':'v','mountPath':'/m','mountPropagation':'Up'}]",
         "volumeMounts.mountPropagation: Unsupported value: \"Up\": supported values: \"Bidirectional\", "
         "\"HostToContainer\", \"None\""},
        {"'volumeMounts':[{'name':'v','mountPath':'/m','recursiveReadOnly':'Enabled'}]",
         "volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"},
        {"'volumeDevices':[{'name':'v','devicePath':'/d'}]",
         "volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of "
         "PersistentVolumeClaim or Ephemeral for block mode"},
        {"'volumeDevices':[{'name':'k','devicePath':'/d/../e'}]",
         "volumeDevices[0].devicePath: Invalid value: \"/d/../e\": can not contain backsteps ('..')"},
        {"'volumeDevices':[{'name':'k','devicePath':'/d'}],'volumeMounts':[{'name':'k','mountPath':'/m'}]",
         "[spec.containers[0].volumeMounts[0].name: Invalid value: \"k\": must not already exist in "
         "volumeDevices, spec.containers[0].volumeDevices[0].name: Invalid value: \"k\": must not already "
         "exist in volumeMounts]"},
    };
    refuse_containers(*state,
                      ",'volumes':[{'name':'v'},{'name':'k','persistentVolumeClaim':{'claimName':'k'}}]", bad,
                      ARRAY_LEN(bad));
}

static void resources(void **state)
{
    static const struct bad bad[] = {
        {"'resources':{'requests':{'pods':'1'}}",
         "resources.requests[pods]: Invalid value: \"pods\": must be a standard resource for containers"},
        {"'resources':{'limits':{'gpu':'1'}}",
         "[spec.containers[0].resources.limits[gpu]: Invalid value: \"gpu\": must be a standard resource "
         "type "
         "or fully qualified, spec.containers[0].resources.limits[gpu]: Invalid value: \"gpu\": must be a "
         "standard resource for containers, spec.containers[0].resources.requests[gpu]: Invalid value: "
         "\"gpu\": must be a standard resource type or fully qualified, "
         "spec.containers[0].resources.requests[gpu]: Invalid value: \"gpu\": must be a standard resource "
         "for "
         "containers]"},
        {"'resources':{'requests':{'cpu':'-1'}}",
         "resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"},
        {"'resources':{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}",
         "resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"},
        {"'resources':{'requests':{'e.io/g':'1'}}",
         "resources.limits: Required value: Limit must be set for non overcommitable resources"},
        {"'resources':{'requests':{'e.io/g':'1'},'limits':{'e.io/g':'2'}}",
         "resources.requests: Invalid value: \"1\": must be equal to e.io/g limit of 2"},
        {"'resources':{'limits':{'hugepages-2Mi':'4Mi'}}",
         "resources: Forbidden: HugePages require cpu or memory"},
        {"'resources':{'limits':{'cpu':'1','hugepages-2Mi':'3Mi'},'requests':{'hugepages-2Mi':'3Mi'}}",
         "[spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive "
         "integer multiple of hugepages-2Mi, spec.containers[0].resources.requests[hugepages-2Mi]: Invalid "
         "value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi]"},
        {"'resources':{'claims':[{'name':'d'}]}", "resources.claims[0]: Not found: \"d\": must be one of the "
                                                  "names in pod.spec.resourceClaims which is "
                                                  "empty"},
    };
    static const struct bad of_pod[] = {
        {"'resources':{'requests':{'ephemeral-storage':'1Gi'}}",
         "spec.resources.requests[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": supported "
         "values: \"cpu\", \"hugepages-\", \"memory\""},
        {"'resourceClaims':[{'name':'d'}]",
         "spec.resourceClaims[0]: Invalid value: {\"name\":\"d\"}: must specify one of: `resourceClaimName`, "
         "`resourceClaimTemplateName`"},
    };
    struct world *w = *state;
    refuse_containers(w, "", bad, ARRAY_LEN(bad));
    refuse_pods(w, of_pod, ARRAY_LEN(of_pod));
    refuse(w,
           "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'2'}}}],"
           "'resources':{'requests':{'cpu':'1'}}",
           "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate "
           "container requests of 2");
    refuse(
        w,
        "'containers':[{'name':'c','image':'i','resources':{'limits':{'cpu':'2'},'requests':{'cpu':'1'}}}],"
        "'resources':{'limits':{'cpu':'1'}}",
        "spec.resources.containers[0][cpu].limits: Invalid value: \"2\": must be less than or equal to pod "
        "limits of 1");
}

/* What is said of the whole pod is completed from its containers. */
static void resources_of_the_pod_have_defaults(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        pod_with(w, "",
                 "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'200m'}}},"
                 "{'name':'d','image':'i','resources':{'requests':{'cpu':'300m'},'limits':{'cpu':'1',"
                 "'hugepages-2Mi':'2Mi'}}}],'resources':{'limits':{'cpu':'2','memory':'1Gi'}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.resources.requests.cpu", "500m");
    assert_field(w, r, "spec.resources.requests.memory", "1Gi");
    assert_field(w, r, "spec.resources.limits.hugepages-2Mi", "2Mi");
    assert_field(w, r, "status.qosClass", "Burstable");
}

static void volumes(void **state)
{
    static const struct bad bad[] = {
        {"'volumes':[{'name':'v'},{'name':'v'}]", "spec.volumes[1].name: Duplicate value: \"v\""},
        {"'volumes':[{'name':'v','emptyDir':{'sizeLimit':'-1'}}]",
         "spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"},
        {"'volumes':[{'name':'v','hostPath':{'path':''}}]", "spec.volumes[0].hostPath.path: Required value"},
        {"'volumes':[{'name':'v','hostPath':{'path':'/a/../b','type':'Odd'}}]",
         "[spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..', "
         "spec.volumes[0].hostPath.type: Unsupported value: \"Odd\": supported values: \"\", "
         "\"BlockDevice\", "
         "\"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"]"},
        {"'volumes':[{'name':'v','emptyDir':{},'secret':{'secretName':'s'}}]",
         "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"},
        {"'volumes':[{'name':'v','secret':{'items':[{'key':'k','path':'..x','mode':512}],'secretName':'s'}}]",
         "[spec.volumes[0].secret.items[0].path: Invalid value: \"..x\": must not start with '..', "
         "spec.volumes[0].secret.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 "
         "(octal), both inclusive]"},
        {"'volumes':[{'name':'v','downwardAPI':{'items':[{'path':'p','mode':-1}]}}]",
         "[spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required, "
         "spec.volumes[0].downwardAPI.mode: Invalid value: -1: must be a number between 0 and 0777 (octal), "
         "both inclusive]"},
        {"'volumes':[{'name':'v','projected':{'sources':[{'secret':{'name':'s','items':[{'key':'a','path':'x'"
         "}]}"
         "},{'configMap':{'name':'m','items':[{'key':'a','path':'x'}]}}]}}]",
         "spec.volumes[0].projected: Invalid value: \"m\": conflicting duplicate paths"},
        {"'volumes':[{'name':'v','projected':{'sources':[{'serviceAccountToken':{'path':'/t',"
         "'expirationSeconds':1}}]}}]",
         "[spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may "
         "not specify a duration less than 10 minutes, spec.volumes[0].projected.path: Invalid value: "
         "\"/t\": "
         "must be a relative path]"},
        {"'volumes':[{'name':'v','nfs':{'server':'s','path':'p'}}]",
         "spec.volumes[0].nfs.path: Invalid value: \"p\": must be an absolute path"},
        {"'volumes':[{'name':'v','csi':{'driver':'a_b','nodePublishSecretRef':{}}}]",
         "[spec.volumes[0].csi.driver: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain must consist "
         "of "
         "lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
         "character (e.g. 'example.com', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), "
         "spec.volumes[0].csi.nodePublishSecretRef.name: Required value]"},
        {"'volumes':[{'name':'v','gcePersistentDisk':{'partition':300}}]",
         "[spec.volumes[0].persistentDisk.pdName: Required value, spec.volumes[0].persistentDisk.partition: "
         "Invalid value: 300: must be between 1 and 255, inclusive]"},
        {"'volumes':[{'name':'v','iscsi':{'targetPortal':'t','iqn':'x','lun':0}}]",
         "spec.volumes[0].iscsi.iqn: Invalid value: \"x\": must be valid format starting with iqn, eui, or "
         "naa"},
        {"'volumes':[{'name':'v','fc':{}}]",
         "spec.volumes[0].fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not "
         "both"},
        {"'volumes':[{'name':'v','flexVolume':{'driver':'d','options':{'a.k8s.io/x':'y'}}}]",
         "spec.volumes[0].flexVolume.options[a.k8s.io/x]: Invalid value: \"a.k8s.io/x\": kubernetes.io and "
         "k8s.io namespaces are reserved"},
        {"'volumes':[{'name':'v','image':{}}]", "spec.volumes[0].image.reference: Required value"},
        {"'volumes':[{'name':'v','ephemeral':{'volumeClaimTemplate':{'metadata':{'name':'n'},'spec':{"
         "'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}}}]",
         "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set"},
        {"'volumes':[{'name':'v','ephemeral':{'volumeClaimTemplate':{'spec':{'accessModes':['ReadWriteOnce'],"
         "'resources':{'requests':{'storage':'1Gi'}}}}}},{'name':'k','persistentVolumeClaim':{'claimName':"
         "'p-v'}}]",
         "spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: \"p-v\": must not reference a PVC "
         "that gets created for an ephemeral volume"},
    };
    refuse_pods(*state, bad, ARRAY_LEN(bad));
}

static void security(void **state)
{
    static const struct bad of_pod[] = {
        {"'securityContext':{'runAsUser':-1}", "spec.securityContext.runAsUser: Invalid value: -1: must be "
                                               "between 0 and 2147483647, inclusive"},
        {"'securityContext':{'fsGroupChangePolicy':'Odd'}",
         "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"Odd\": supported values: "
         "\"Always\", "
         "\"OnRootMismatch\""},
        {"'securityContext':{'supplementalGroupsPolicy':'Odd'}",
         "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"Odd\": supported values: "
         "\"Merge\", \"Strict\""},
        {"'securityContext':{'seLinuxChangePolicy':'Odd'}",
         "spec.securityContext.seLinuxChangePolicy: Unsupported value: \"Odd\": supported values: "
         "\"MountOption\", \"Recursive\""},
        {"'securityContext':{'seccompProfile':{}}",
         "spec.securityContext.seccompProfile.type: Required value: type is required when seccompProfile is "
         "set"},
        {"'securityContext':{'seccompProfile':{'type':'Localhost','localhostProfile':'/x'}}",
         "spec.securityContext.seccompProfile.localhostProfile: Invalid value: \"/x\": must be a relative "
         "path"},
        {"'securityContext':{'appArmorProfile':{'type':'Localhost','localhostProfile':' x'}}",
         "spec.securityContext.appArmorProfile.localhostProfile: Invalid value: \" x\": must not be padded "
         "with whitespace"},
        {"'hostNetwork':true,'securityContext':{'sysctls':[{'name':'net.core.somaxconn','value':'1'}]}",
         "spec.securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified "
         "when 'hostNetwork' is true"},
        {"'hostUsers':false,'hostNetwork':true,'hostPID':true",
         "[spec.hostNetwork: Forbidden: when `hostUsers` is false, spec.HostPID: Forbidden: when `hostUsers` "
         "is "
         "false]"},
        {"'shareProcessNamespace':true,'hostPID':true",
         "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID "
         "cannot both be enabled"},
        {"'os':{'name':'plan9'}",
         "spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\""},
        {"'os':{'name':'linux'},'securityContext':{'windowsOptions':{}}",
         "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"},
        {"'os':{'name':'windows'},'hostPID':true,'securityContext':{'runAsUser':1}",
         "[spec.hostPID: Forbidden: cannot be set for a windows pod, spec.securityContext.runAsUser: "
         "Forbidden: cannot be set for a windows pod]"},
        {"'securityContext':{'windowsOptions':{'runAsUserName':'a\\\\b\\\\c'}}",
         "spec.securityContext.windowsOptions.runAsUserName: Invalid value: \"a\\\\b\\\\c\": runAsUserName "
         "cannot contain more than one backslash"},
        {"'securityContext':{'windowsOptions':{'hostProcess':true}}",
         "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess "
         "containers"},
    };
    static const struct bad of_container[] = {
        {"'securityContext':{'procMount':'Unmasked'}",
         "securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use "
         "`Unmasked`"},
        {"'securityContext':{'privileged':true,'allowPrivilegeEscalation':false}",
         "securityContext: Invalid value: {\"privileged\":true,\"allowPrivilegeEscalation\":false}: cannot "
         "set "
         "`allowPrivilegeEscalation` to false and `privileged` to true"},
    };
    refuse_pods(*state, of_pod, ARRAY_LEN(of_pod));
    refuse_containers(*state, "", of_container, ARRAY_LEN(of_container));
}

static void placement(void **state)
{
    static const struct bad bad[] = {
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':["
         "{"
         "'matchExpressions':[{'key':'a','operator':'In','values':['b c']}]}]}}}",
         "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
         "matchExpressions[0].values[0]: Invalid value: \"b c\": a valid label must be an empty string or "
         "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
         "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
        {"'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'t',"
         "'matchLabelKeys':['a']}]}}",
         "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: "
         "Forbidden: must not be specified when labelSelector is not set"},
        {"'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'t',"
         "'labelSelector':{},'matchLabelKeys':['a'],'mismatchLabelKeys':['a']}]}}",
         "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys[0]: "
         "Invalid value: \"a\": exists in both matchLabelKeys and mismatchLabelKeys"},
        {"'topologySpreadConstraints':[{'maxSkew':0,'topologyKey':'t','whenUnsatisfiable':'Never'}]",
         "[spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero, "
         "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Never\": supported "
         "values: "
         "\"DoNotSchedule\", \"ScheduleAnyway\"]"},
        {"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'t','whenUnsatisfiable':'ScheduleAnyway',"
         "'minDomains':2}]",
         "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if "
         "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"},
        {"'tolerations':[{'operator':'Equal'}]", "spec.tolerations[0].operator: Invalid value: \"Equal\": "
                                                 "operator must be Exists when `key` is empty, "
                                                 "which means \"match all values and all keys\""},
        {"'tolerations':[{'key':'k','operator':'Gt','value':'1'}]",
         "spec.tolerations[0].operator: Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\", "
         "\"Lt\", \"Gt\""},
        {"'tolerations':[{'key':'k','effect':'Push'}]",
         "spec.tolerations[0].effect: Unsupported value: \"Push\": supported values: \"NoSchedule\", "
         "\"PreferNoSchedule\", \"NoExecute\""},
        {"'schedulingGates':[{'name':'a'},{'name':'a'}]", "spec.schedulingGates[1]: Duplicate value: \"a\""},
        {"'schedulingGates':[{'name':'a'}],'nodeName':'n'",
         "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"},
    };
    refuse_pods(*state, bad, ARRAY_LEN(bad));
}

static void names_and_addresses(void **state)
{
    static const struct bad bad[] = {
        {"'dnsPolicy':'None'", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is "
                               "None"},
        {"'dnsConfig':{'nameservers':['1.1.1.1','1.1.1.2','1.1.1.3','1.1.1.4']}",
         "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]: must "
         "not have more than 3 nameservers"},
        {"'dnsConfig':{'nameservers':['010.1.1.1']}",
         "spec.dnsConfig.nameservers[0]: Invalid value: \"010.1.1.1\": must not have leading 0s"},
        {"'hostAliases':[{'ip':'::ffff:1.2.3.4'}]",
         "spec.hostAliases[0].ip: Invalid value: \"::ffff:1.2.3.4\": must not be an IPv4-mapped IPv6 "
         "address"},
        {"'hostnameOverride':'h','setHostnameAsFQDN':true",
         "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"},
        {"'hostnameOverride':'h','hostNetwork':true",
         "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"},
        {"'activeDeadlineSeconds':0",
         "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"},
    };
    struct world *w = *state;
    refuse_pods(w, bad, ARRAY_LEN(bad));
    refuse(w,
           "'hostNetwork':true,'containers':[{'name':'c','image':'i','ports':[{'containerPort':80,'hostPort':"
           "81}]}]",
           "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when "
           "`hostNetwork` is true");
}

/* Templates: some paths of upstream's are shorter, and what pods get by then may be missing. */
static void templates(void **state)
{
    struct world *w = *state;
    static const struct bad bad[] = {
        {"'metadata':{'labels':{'a':'b c'}},'spec':{'containers':[{'name':'c','image':'i'}]}",
         "template.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of "
         "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
         "(e.g. "
         "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
        {"'spec':{'containers':[{'name':'c','image':'i'}],'ephemeralContainers':[{'name':'e','image':'i'}]}",
         "template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"},
        {"'metadata':{'annotations':{'container.apparmor.security.beta.kubernetes.io/"
         "c':'unconfined'}},'spec':{"
         "'containers':[{'name':'c','image':'i','securityContext':{'appArmorProfile':{'type':"
         "'RuntimeDefault'}}}]}",
         "template.spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in "
         "annotation and field must match"},
    };
    char json[2048], message[2048];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(json, sizeof json, "{'metadata':{'name':'t'},'template':{%s}}", bad[i].spec);
        snprintf(message, sizeof message, "PodTemplate \"t\" is invalid: %s", bad[i].says);
        assert_fails(create(w, &pod_template_resource, "default", json), 422, message);
    }
    assert_code(
        create(w, &pod_template_resource, "default",
               "{'metadata':{'name':'t'},'template':{'spec':{'hostNetwork':true,'volumes':[{'name':'v',"
               "'image':{}}],'containers':[{'name':'c','image':' i ','ports':[{'containerPort':1}]}]}}}"),
        201);
}

static void annotations(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *annotation, *says;
    } bad[] = {
        {"'controller.kubernetes.io/pod-deletion-cost':'+1'",
         "[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"+1\": must be a 32bit integer"},
        {"'kubernetes.io/config.mirror':'x'", "[kubernetes.io/config.mirror]: Invalid value: \"x\": must set "
                                              "spec.nodeName if mirror pod annotation "
                                              "is set"},
        {"'container.apparmor.security.beta.kubernetes.io/z':'unconfined'",
         "[container.apparmor.security.beta.kubernetes.io/z]: Invalid value: \"z\": container not found"},
        {"'seccomp.security.alpha.kubernetes.io/pod':'odd'",
         ".seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"odd\": must be a valid seccomp "
         "profile"},
    };
    char meta[512], message[1024];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(meta, sizeof meta, ",'annotations':{%s}", bad[i].annotation);
        snprintf(message, sizeof message, "Pod \"p\" is invalid: metadata.annotations%s", bad[i].says);
        assert_fails(pod_with(w, meta, "'containers':[{'name':'c','image':'i'}]"), 422, message);
    }
}

/* AppArmor's field and annotation are made from each other. */
static void app_armor_is_said_twice(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        pod_with(w, ",'annotations':{'container.apparmor.security.beta.kubernetes.io/d':'localhost/mine'}",
                 "'securityContext':{'appArmorProfile':{'type':'RuntimeDefault'}},"
                 "'containers':[{'name':'c','image':'i'},{'name':'d','image':'i'}]");
    assert_code(r, 201);
    assert_field(w, r, "metadata.annotations.[container.apparmor.security.beta.kubernetes.io/c]",
                 "runtime/default");
    assert_field(w, r, "spec.containers.1.securityContext.appArmorProfile.type", "Localhost");
    assert_field(w, r, "spec.containers.1.securityContext.appArmorProfile.localhostProfile", "mine");
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], "metadata.annotations[container.apparmor.security.beta.kubernetes.io/d]: "
                                  "deprecated since v1.30; use the \"appArmorProfile\" field instead");
}

static void label_keys_become_expressions(void **state)
{
    struct world *w = *state;
    struct api_request *r = pod_with(
        w, ",'labels':{'app':'web','v':'2'}",
        "'containers':[{'name':'c','image':'i'}],'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'"
        "zone',"
        "'whenUnsatisfiable':'DoNotSchedule','labelSelector':{'matchLabels':{'app':'web'}},'matchLabelKeys':["
        "'v','absent']}],'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{"
        "'topologyKey':'host','labelSelector':{},'mismatchLabelKeys':['app']}]}}");
    assert_code(r, 201);
    const char *spread = "spec.topologySpreadConstraints.0.labelSelector.matchExpressions";
    assert_str(field(w, r, spread), "[{\"key\":\"v\",\"operator\":\"In\",\"values\":[\"2\"]}]");
    assert_str(field(w, r,
                     "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.0."
                     "labelSelector.matchExpressions"),
               "[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]");
}

static void odd_pods_are_warned_of(void **state)
{
    static const struct {
        const char *spec, *warning;
    } odd[] = {
        {"'hostAliases':[{'ip':'1.2.3.4'},{'ip':'1.2.3.4'}]",
         "spec.hostAliases[1].ip: duplicate ip \"1.2.3.4\""},
        {"'hostAliases':[{'ip':'FE80::1'}]", "spec.hostAliases[0].ip: IPv6 address \"FE80::1\" should be in "
                                             "RFC 5952 canonical format (\"fe80::1\")"},
        {"'imagePullSecrets':[{'name':'a'},{'name':'a'}]",
         "spec.imagePullSecrets[1].name: duplicate name \"a\""},
        {"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'t','whenUnsatisfiable':'DoNotSchedule'}]",
         "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"},
        {"'volumes':[{'name':'v','configMap':{'name':'m','items':[{'key':'a','path':'x'},{'key':'b','path':"
         "'x/y'}]}}]",
         "volume \"v\" (ConfigMap \"m\"): overlapping paths: \"x/y\" with \"x\""},
        {"'volumes':[{'name':'v','projected':{'sources':[{}]}}]",
         "volume \"v\" (Projected) has no sources provided"},
        {"'initContainers':[{'name':'n','image':'i','ports':[{'containerPort':80}]}],'containers':[{'name':'"
         "c',"
         "'image':'i','ports':[{'containerPort':80,'hostPort':8080}]}]",
         "spec.containers[0].ports[0]: overlapping port definition with spec.initContainers[0].ports[0]"},
        {"'containers':[{'name':'c','image':'i','env':[{'name':'A','value':'1'},{'name':'A','value':'2'}]}]",
         "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using "
         "apply"},
    };
    struct world *w = *state;
    char spec[1024];
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        snprintf(spec, sizeof spec, "%s%s",
                 strstr(odd[i].spec, "'containers'") ? "" : "'containers':[{'name':'c','image':'i'}],",
                 odd[i].spec);
        struct api_request *r = pod_with(w, "", spec);
        assert_code(r, 201);
        assert_int_equal(r->warnings.n, 1);
        assert_str(r->warnings.at[0], odd[i].warning);
        assert_code(del(w, &pod_resource, "default", "p", "{'gracePeriodSeconds':0}"), 200);
    }
    /* What makes use of what it replaces is meant so. */
    struct api_request *r = pod_with(w, "",
                                     "'containers':[{'name':'c','image':'i','env':[{'name':'A','value':'1'},{"
                                     "'name':'A','value':'$(A)2'}]}]");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 0);
}

static void what_is_behind_closed_gates_is_dropped(void **state)
{
    struct world *w = *state;
    struct api_request *r = pod_with(
        w, "",
        "'containers':[{'name':'c','image':'i','lifecycle':{'stopSignal':'SIGUSR1','preStop':{'sleep':{"
        "'seconds':1}}}}],'volumes':[{'name':'v','projected':{'sources':[{'clusterTrustBundle':{'name':'b',"
        "'path':'p'}},{'configMap':{'name':'m'}}]}}]");
    assert_code(r, 201);
    assert_field(w, r, "spec.containers.0.lifecycle.stopSignal", "");
    assert_field(w, r, "spec.containers.0.lifecycle.preStop.sleep.seconds", "1");
    assert_field(w, r, "spec.volumes.0.projected.sources.0.clusterTrustBundle", "");
    assert_field(w, r, "spec.volumes.0.projected.sources.1.configMap.name", "m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(containers, world_open, world_close),
        cmocka_unit_test_setup_teardown(init_containers, world_open, world_close),
        cmocka_unit_test_setup_teardown(mounts_and_devices, world_open, world_close),
        cmocka_unit_test_setup_teardown(resources, world_open, world_close),
        cmocka_unit_test_setup_teardown(resources_of_the_pod_have_defaults, world_open, world_close),
        cmocka_unit_test_setup_teardown(volumes, world_open, world_close),
        cmocka_unit_test_setup_teardown(security, world_open, world_close),
        cmocka_unit_test_setup_teardown(placement, world_open, world_close),
        cmocka_unit_test_setup_teardown(names_and_addresses, world_open, world_close),
        cmocka_unit_test_setup_teardown(templates, world_open, world_close),
        cmocka_unit_test_setup_teardown(annotations, world_open, world_close),
        cmocka_unit_test_setup_teardown(app_armor_is_said_twice, world_open, world_close),
        cmocka_unit_test_setup_teardown(label_keys_become_expressions, world_open, world_close),
        cmocka_unit_test_setup_teardown(odd_pods_are_warned_of, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_is_behind_closed_gates_is_dropped, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
