/* Claims and volumes: finding each other, being made for each other, and parting. */
#include "cluster.h"

#include <stdio.h>

#include "kinds/storage_v1.h"

static void create_volume(struct cluster *c, const char *name, const char *size, const char *more)
{
    create(
        c,
        "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'%s'},'spec':{'capacity':{'storage':"
        "'%s'},'accessModes':['ReadWriteOnce'],'hostPath':{'path':'/tmp/%s'}%s}}",
        name, size, name, more);
}

static void create_claim(struct cluster *c, const char *name, const char *size, const char *more)
{
    create(
        c,
        "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'%s'},'spec':{'accessModes':["
        "'ReadWriteOnce'],'resources':{'requests':{'storage':'%s'}}%s}}",
        name, size, more);
}

static void create_class(struct cluster *c, const char *name, const char *provisioner, const char *more)
{
    create(c,
           "{'kind':'StorageClass','apiVersion':'storage.k8s.io/"
           "v1','metadata':{'name':'%s'},'provisioner':'%s'%s}",
           name, provisioner, more);
}

#define CLAIM  &persistent_volume_claim_resource
#define VOLUME &persistent_volume_resource

static void a_claim_takes_the_smallest_volume_that_suits(void **state)
{
    struct cluster *c = *state;
    create_volume(c, "large", "10Gi", "");
    create_volume(c, "fitting", "2Gi", "");
    create_volume(c, "small", "1Gi", "");
    create_volume(c, "classy", "2Gi", ",'storageClassName':'gold'");
    becomes(VOLUME, "/small", "status.phase", "Available");
    becomes(VOLUME, "/fitting", "status.phase", "Available");
    becomes(VOLUME, "/large", "status.phase", "Available");
    create_claim(c, "data", "1500Mi", ",'storageClassName':''");
    becomes(CLAIM, "data", "status.phase", "Bound");
    assert_str(field(c, CLAIM, "data", "spec.volumeName"), "fitting");
    assert_str(field(c, CLAIM, "data", "status.capacity.storage"), "2Gi");
    assert_str(field(c, CLAIM, "data", "metadata.finalizers"), "[\"kubernetes.io/pvc-protection\"]");
    becomes(VOLUME, "/fitting", "status.phase", "Bound");
    assert_str(field(c, VOLUME, "/fitting", "spec.claimRef.name"), "data");
}

static void a_claim_waits_for_its_volume(void **state)
{
    struct cluster *c = *state;
    create_claim(c, "data", "1Gi", ",'storageClassName':'','selector':{'matchLabels':{'disk':'fast'}}");
    event_comes("data", "FailedBinding",
                "no persistent volumes available for this claim and no storage class*");
    becomes(CLAIM, "data", "status.phase", "Pending");
    create_volume(c, "plain", "1Gi", "");
    becomes(VOLUME, "/plain", "status.phase", "Available");
    create(
        c,
        "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'quick','labels':{'disk':'fast'}},"
        "'spec':{'capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce'],'hostPath':{'path':'/q'}}}");
    becomes(CLAIM, "data", "spec.volumeName", "quick");
    becomes(CLAIM, "data", "status.phase", "Bound");
}

static void a_volume_outlives_its_claim_as_its_policy_says(void **state)
{
    struct cluster *c = *state;
    create_volume(c, "kept", "1Gi", ",'persistentVolumeReclaimPolicy':'Retain'");
    create_volume(c, "gone", "1Gi",
                  ",'persistentVolumeReclaimPolicy':'Delete','claimRef':{'namespace':'default',"
                  "'name':'b'}");
    create_claim(c, "a", "1Gi", ",'storageClassName':'','volumeName':'kept'");
    create_claim(c, "b", "1Gi", ",'storageClassName':'','volumeName':'gone'");
    becomes(VOLUME, "/kept", "status.phase", "Bound");
    becomes(VOLUME, "/gone", "status.phase", "Bound");
    becomes(CLAIM, "b", "status.phase", "Bound");
    erase(c, CLAIM, "a", PROPAGATE_DEFAULT);
    erase(c, CLAIM, "b", PROPAGATE_DEFAULT);
    becomes(VOLUME, "/kept", "status.phase", "Released");
    becomes(VOLUME, "/gone", "status.phase", "Failed"); /* nobody here can delete it */
    assert_str(field(c, VOLUME, "/gone", "status.message"),
               "error getting deleter volume plugin for volume \"gone\": no deletable volume plugin matched");
    erase(c, VOLUME, "/kept", PROPAGATE_DEFAULT);
    becomes(VOLUME, "/kept", "metadata.name", "");
}

static void a_claim_without_its_volume_is_lost(void **state)
{
    struct cluster *c = *state;
    create_volume(c, "v", "1Gi", "");
    create_claim(c, "data", "1Gi", ",'storageClassName':''");
    becomes(CLAIM, "data", "status.phase", "Bound");
    erase(c, VOLUME, "/v", PROPAGATE_DEFAULT);
    cluster_rest(c);
    assert_str(field(c, VOLUME, "/v", "status.phase"), "Bound"); /* in use */
    patch(c, VOLUME, "/v", "", "{'metadata':{'finalizers':null}}");
    becomes(CLAIM, "data", "status.phase", "Lost");
    event_comes("data", "ClaimLost", "Bound claim has lost its PersistentVolume*");
}

static void a_claim_in_use_stays(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "n");
    create_claim(c, "data", "1Gi", "");
    create(c, "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'user'},'spec':{'nodeName':'n','volumes':[{"
              "'name':"
              "'v','persistentVolumeClaim':{'claimName':'data'}}],'containers':[{'name':'c','image':'i'}]}}");
    erase(c, CLAIM, "data", PROPAGATE_DEFAULT);
    cluster_rest(c);
    assert_str(field(c, CLAIM, "data", "metadata.name"), "data");
    erase(c, &pod_resource, "user", PROPAGATE_DEFAULT);
    becomes(CLAIM, "data", "metadata.name", "");
}

static void a_volume_is_made_where_the_pod_will_be(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_class(c, "local", "sagong.io/local",
                 ",'volumeBindingMode':'WaitForFirstConsumer','parameters':{'path':'/data/volumes'}");
    create_claim(c, "data", "1Gi", ",'storageClassName':'local'");
    event_comes("data", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
    patch(c, CLAIM, "data", "",
          "{'metadata':{'annotations':{'volume.kubernetes.io/selected-node':'worker-1'}}}");
    becomes(CLAIM, "data", "status.phase", "Bound");
    char volume[128];
    snprintf(volume, sizeof volume, "/" STR_FMT, STR_ARG(field(c, CLAIM, "data", "spec.volumeName")));
    assert_true(str_starts(field(c, VOLUME, volume, "spec.local.path"), STR("/data/volumes/pvc-")));
    assert_str(field(c, VOLUME, volume,
                     "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values"),
               "[\"worker-1\"]");
    erase(c, CLAIM, "data", PROPAGATE_DEFAULT);
    becomes(VOLUME, volume, "metadata.name", ""); /* it goes with its claim */
}

static void a_claim_may_grow(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_class(c, "local", "sagong.io/local", ",'allowVolumeExpansion':true");
    create_claim(c, "data", "1Gi", ",'storageClassName':'local'");
    becomes(CLAIM, "data", "status.capacity.storage", "1Gi");
    patch(c, CLAIM, "data", "", "{'spec':{'resources':{'requests':{'storage':'2Gi'}}}}");
    becomes(CLAIM, "data", "status.capacity.storage", "2Gi");
    event_comes("data", "VolumeResizeSuccessful", "Resize volume succeeded");
}

static void what_cannot_be_made_is_told(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_class(c, "local", "sagong.io/local", "");
    create_class(c, "far", "example.com/disks", "");
    create(c, "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'shared'},'spec':{'"
              "accessModes':["
              "'ReadWriteMany'],'storageClassName':'local','resources':{'requests':{'storage':'1Gi'}}}}");
    event_comes("shared", "ProvisioningFailed", "*only the access modes ReadWriteOnce and ReadWriteOncePod*");
    create_claim(c, "nobody", "1Gi", ",'storageClassName':'none'");
    event_comes("nobody", "ProvisioningFailed", "storageclass.storage.k8s.io \"none\" not found");
    create_claim(c, "other", "1Gi", ",'storageClassName':'far'");
    event_comes("other", "ExternalProvisioning", "Waiting for a volume to be created*'example.com/disks'*");
    becomes(CLAIM, "other", "metadata.annotations",
            "{\"volume.beta.kubernetes.io/storage-provisioner\":\"example.com/disks\","
            "\"volume.kubernetes.io/storage-provisioner\":\"example.com/disks\"}");
}

static void the_default_class_comes_later(void **state)
{
    struct cluster *c = *state;
    create_claim(c, "data", "1Gi", "");
    event_comes("data", "FailedBinding", "*");
    create(
        c,
        "{'kind':'StorageClass','apiVersion':'storage.k8s.io/v1','metadata':{'name':'usual','annotations':{"
        "'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'example.com/disks'}");
    becomes(CLAIM, "data", "spec.storageClassName", "usual");
}

static void an_ephemeral_volume_has_a_claim(void **state)
{
    struct cluster *c = *state;
    create(
        c,
        "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':{'volumes':[{'name':'scratch',"
        "'ephemeral':{'volumeClaimTemplate':{'metadata':{'labels':{'a':'b'}},'spec':{'accessModes':["
        "'ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}}}],'containers':[{'name':'c','image':"
        "'i'}]}}");
    becomes(CLAIM, "p-scratch", "metadata.ownerReferences[0].name", "p");
    assert_str(field(c, CLAIM, "p-scratch", "metadata.labels.a"), "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_claim_takes_the_smallest_volume_that_suits),
        cluster_test(a_claim_waits_for_its_volume),
        cluster_test(a_volume_outlives_its_claim_as_its_policy_says),
        cluster_test(a_claim_without_its_volume_is_lost),
        cluster_test(a_claim_in_use_stays),
        cluster_test(a_volume_is_made_where_the_pod_will_be),
        cluster_test(a_claim_may_grow),
        cluster_test(what_cannot_be_made_is_told),
        cluster_test(the_default_class_comes_later),
        cluster_test(an_ephemeral_volume_has_a_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
