#!/usr/bin/python3
"""A client that speaks Protobuf and nothing else, by Google's own implementation and the .proto files that
tools/apigen makes: python3 protobuf_client.py DESCRIPTORS URL CA CERT KEY NAMESPACE PART."""
import http.client
import ssl
import struct
import sys
from urllib.parse import quote, urlsplit

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MEDIA = 'application/vnd.kubernetes.protobuf'
MAGIC = b'k8s\0'
CORE, APPS, META = 'k8s.io.api.core.v1.', 'k8s.io.api.apps.v1.', 'k8s.io.apimachinery.pkg.apis.meta.v1.'
RUNTIME = 'k8s.io.apimachinery.pkg.runtime.'


class Kinds:
    """Message classes by their full names."""

    def __init__(self, path):
        self.pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet.FromString(open(path, 'rb').read())
        for f in files.file:
            self.pool.Add(f)
        self.factory = message_factory.MessageFactory(self.pool)

    def __call__(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))


class Refused(Exception):
    def __init__(self, code, status):
        super().__init__(f'{code}: {status}')
        self.code, self.status = code, status


class Client:
    def __init__(self, descriptors, url, ca, cert, key):
        self.kinds = Kinds(descriptors)
        self.host = urlsplit(url).netloc
        self.tls = ssl.create_default_context(cafile=ca)
        self.tls.load_cert_chain(cert, key)

    def wrap(self, api_version, kind, message):
        unknown = self.kinds(RUNTIME + 'Unknown')()
        unknown.typeMeta.apiVersion, unknown.typeMeta.kind = api_version, kind
        unknown.raw = message.SerializeToString()
        return MAGIC + unknown.SerializeToString()

    def unwrap(self, data, package):
        """(kind, message) of an envelope; the package is for kinds that are not meta's."""
        assert data[:4] == MAGIC, data[:40]
        unknown = self.kinds(RUNTIME + 'Unknown').FromString(data[4:])
        kind = unknown.typeMeta.kind
        meta = kind in ('Status', 'PartialObjectMetadata', 'PartialObjectMetadataList')
        return kind, self.kinds((META if meta else package) + kind).FromString(unknown.raw)

    def open(self, method, path, body=None, accept=MEDIA, content_type=MEDIA):
        connection = http.client.HTTPSConnection(self.host, context=self.tls, timeout=30)
        connection.request(method, path, body, {'Accept': accept, 'Content-Type': content_type})
        return connection.getresponse()

    def call(self, method, path, package=CORE, **more):
        response = self.open(method, path, **more)
        data = response.read()
        assert response.getheader('Content-Type').startswith(MEDIA), (response.status, data[:300])
        kind, message = self.unwrap(data, package)
        if response.status >= 400:
            assert kind == 'Status', kind
            raise Refused(response.status, message)
        return kind, message

    def watch(self, path):
        """Events as they come: a length, then a WatchEvent whose object is an envelope."""
        response = self.open('GET', path, accept=MEDIA + ';stream=watch')
        assert response.getheader('Content-Type') == MEDIA + ';stream=watch', response.getheader('Content-Type')
        while True:
            head = response.read(4)
            if len(head) < 4:
                return
            event = self.kinds(META + 'WatchEvent').FromString(response.read(struct.unpack('>I', head)[0]))
            yield event.type, self.unwrap(event.object.raw, CORE)[1]


def config_map(c, name, **data):
    o = c.kinds(CORE + 'ConfigMap')()
    o.metadata.name = name
    o.metadata.labels['made-by'] = 'protobuf'
    for k, v in data.items():
        o.data[k] = v
    return o


def create(c, maps, name, **data):
    return c.call('POST', maps, body=c.wrap('v1', 'ConfigMap', config_map(c, name, **data)))[1]


def refused(f, code, reason):
    try:
        f()
    except Refused as e:
        assert (e.code, e.status.reason, e.status.code) == (code, reason, code), e
        return e.status
    raise AssertionError('it was let through')


def crud(c, ns):
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    made = create(c, maps, 'a', color='blue')
    assert made.metadata.uid and made.metadata.resourceVersion and made.metadata.creationTimestamp.seconds
    kind, got = c.call('GET', maps + '/a')
    assert kind == 'ConfigMap' and got == made
    got.data['color'] = 'red'
    got.binaryData['raw'] = bytes(range(256))
    new = c.call('PUT', maps + '/a', body=c.wrap('v1', 'ConfigMap', got))[1]
    assert new.data['color'] == 'red' and new.binaryData['raw'] == bytes(range(256))
    create(c, maps, 'b')
    kind, all_ = c.call('GET', maps + '?labelSelector=' + quote('made-by=protobuf'))
    assert kind == 'ConfigMapList' and [o.metadata.name for o in all_.items] == ['a', 'b']
    kind, page = c.call('GET', maps + '?limit=1&labelSelector=' + quote('made-by=protobuf'))
    assert len(page.items) == 1 and page.metadata.remainingItemCount == 0  # not known with a selector
    token = quote(getattr(page.metadata, 'continue'))
    rest = c.call('GET', f'{maps}?limit=1&labelSelector=made-by%3Dprotobuf&continue={token}')[1]
    assert [o.metadata.name for o in rest.items] == ['b']
    options = c.kinds(META + 'DeleteOptions')()
    options.preconditions.uid = new.metadata.uid
    kind, status = c.call('DELETE', maps + '/a', body=c.wrap('v1', 'DeleteOptions', options))
    assert kind == 'Status' and status.status == 'Success' and status.details.name == 'a'
    create(c, maps, 'c')
    kind, gone = c.call('DELETE', maps + '?labelSelector=' + quote('made-by=protobuf'))
    assert kind == 'ConfigMapList' and [o.metadata.name for o in gone.items] == ['b', 'c'], (kind, gone)


def pods(c, ns):
    """What is nested, inlined, a quantity, a time, a number or a name."""
    d = c.kinds(APPS + 'Deployment')()
    d.metadata.name = 'd'
    d.spec.replicas = 0
    d.spec.selector.matchLabels['app'] = 'd'
    d.spec.template.metadata.labels['app'] = 'd'
    d.spec.strategy.rollingUpdate.maxSurge.type = 1
    d.spec.strategy.rollingUpdate.maxSurge.strVal = '50%'
    box = d.spec.template.spec.containers.add(name='c', image='sagong.local/hello:1')
    box.resources.requests['cpu'].string = '1500m'
    box.readinessProbe.handler.httpGet.port.intVal = 8080
    v = d.spec.template.spec.volumes.add(name='tmp')
    v.volumeSource.emptyDir.medium = 'Memory'
    path = f'/apis/apps/v1/namespaces/{ns}/deployments'
    kind, made = c.call('POST', path, APPS, body=c.wrap('apps/v1', 'Deployment', d))
    assert kind == 'Deployment' and made.metadata.generation == 1
    assert made.spec.strategy.rollingUpdate.maxSurge.strVal == '50%'
    assert made.spec.template.spec.containers[0].resources.requests['cpu'].string == '1500m'
    assert made.spec.template.spec.volumes[0].volumeSource.emptyDir.medium == 'Memory'
    assert made.spec.template.spec.restartPolicy == 'Always'
    assert made.spec.template.spec.containers[0].readinessProbe.handler.httpGet.port.intVal == 8080
    got = c.call('GET', path + '/d', APPS)[1]
    assert got.spec == made.spec


def patches(c, ns):
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    create(c, maps, 'p', a='1', b='2')
    for content_type, body in (('application/merge-patch+json', '{"data":{"a":"merged"}}'),
                               ('application/json-patch+json', '[{"op":"remove","path":"/data/b"}]'),
                               ('application/strategic-merge-patch+json', '{"data":{"c":"3"}}')):
        kind, o = c.call('PATCH', maps + '/p', body=body, content_type=content_type)
        assert kind == 'ConfigMap'
    assert dict(o.data) == {'a': 'merged', 'c': '3'}, o
    applied = c.call('PATCH', maps + '/q?fieldManager=pb', content_type='application/apply-patch+yaml',
                     body='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"q"},"data":{"x":"y"}}')[1]
    entry = applied.metadata.managedFields[0]
    assert (entry.manager, entry.operation) == ('pb', 'Apply') and b'f:x' in entry.fieldsV1.Raw


def watches(c, ns):
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    since = c.call('GET', maps)[1].metadata.resourceVersion
    events = c.watch(f'{maps}?watch=1&timeoutSeconds=20&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dw'
                     f'&resourceVersion={since}')
    made = create(c, maps, 'w', n='1')
    made.data['n'] = '2'
    c.call('PUT', maps + '/w', body=c.wrap('v1', 'ConfigMap', made))
    c.call('DELETE', maps + '/w')
    seen = [(what, o.data['n']) for what, o in (next(events) for _ in range(3))]
    assert seen == [('ADDED', '1'), ('MODIFIED', '2'), ('DELETED', '2')], seen


def streams(c, ns):
    """A list as a watch, which ends with a bookmark."""
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    create(c, maps, 's')
    events = c.watch(f'{maps}?watch=1&timeoutSeconds=20&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
                     '&allowWatchBookmarks=true')
    names = set()
    for what, o in events:
        if what == 'BOOKMARK':
            assert o.metadata.annotations['k8s.io/initial-events-end'] == 'true' and o.metadata.resourceVersion
            break
        assert what == 'ADDED'
        names.add(o.metadata.name)
    assert 's' in names


def partial(c, ns):
    """Metadata alone; tables have no Protobuf form."""
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    create(c, maps, 'm', a='1')
    only = MEDIA + ';as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
    kind, o = c.call('GET', maps + '/m', accept=only)
    assert kind == 'PartialObjectMetadata' and o.metadata.name == 'm' and o.metadata.labels['made-by'] == 'protobuf'
    kind, all_ = c.call('GET', maps, accept=only.replace('Metadata;', 'MetadataList;'))
    assert kind == 'PartialObjectMetadataList' and 'm' in [i.metadata.name for i in all_.items]
    table = c.open('GET', maps, accept=MEDIA + ';as=Table;g=meta.k8s.io;v=v1')
    assert table.status == 406, (table.status, table.read()[:300])


def refusals(c, ns):
    maps = f'/api/v1/namespaces/{ns}/configmaps'
    status = refused(lambda: c.call('GET', maps + '/none'), 404, 'NotFound')
    assert status.message == 'configmaps "none" not found' and status.details.kind == 'configmaps'
    made = create(c, maps, 'x')
    refused(lambda: create(c, maps, 'x'), 409, 'AlreadyExists')
    status = refused(lambda: create(c, maps, 'Not_A_Name'), 422, 'Invalid')
    assert [(i.field, i.reason) for i in status.details.causes] == [('metadata.name', 'FieldValueInvalid')]
    c.call('PUT', maps + '/x', body=c.wrap('v1', 'ConfigMap', config_map(c, 'x', a='b')))
    refused(lambda: c.call('PUT', maps + '/x', body=c.wrap('v1', 'ConfigMap', made)), 409, 'Conflict')
    refused(lambda: c.call('POST', maps, body=b'k8s\0\xff\xff\xff'), 400, 'BadRequest')
    refused(lambda: c.call('POST', maps, body=c.wrap('v1', 'Pod', config_map(c, 'y'))), 400, 'BadRequest')


def main():
    descriptors, url, ca, cert, key, ns, part = sys.argv[1:]
    parts = {f.__name__: f for f in (crud, pods, patches, watches, streams, partial, refusals)}
    parts[part](Client(descriptors, url, ca, cert, key), ns)


if __name__ == '__main__':
    main()
